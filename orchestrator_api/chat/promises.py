"""Finds a promise of profit in a model's own words. Pure.

A rule in the prompt asks for none; this is the second net. It reads English, German, Spanish and French, whatever the language
that was asked for.
"""

import re

# A few words between the parts of a promise, within one clause.
_WORD = r"(?!(?:not|no|never|nicht|nie|niemals|kein\w*|nunca|pas|jamais)\b)[^\W\d_]+"
_GAP = rf"(?:{_WORD}[ '’-]+){{0,3}}"
_ONE = rf"(?:{_WORD}\s+)?"
# Who cannot lose a level, sight or access promises nothing: after `lose` comes nothing, or money.
_PROMISES = {
    "en": (
        rf"guarantee[ds]?\s+{_GAP}(?:profits?|gains?|returns?|wins?|win)\b",
        rf"(?:profits?|gains?|returns?|wins?)\s+(?:is|are)\s+{_ONE}(?:guaranteed|assured|certain)\b",
        r"\b(?:risk[- ]free|riskless|without\s+any\s+risk|no[- ]risk|zero[- ]risk)\s+(?:profits?|gains?|returns?|trades?|bet|investment|money|way)\b",
        rf"\b(?:is|are|it's|completely|entirely|totally|absolutely)\s+{_ONE}risk[- ]free\b",
        r"\b(?:cannot|can't|can\s+not|can’t|won't|won’t|will\s+not|will\s+never|can\s+never|never)\s+lose\b(?=\s*(?:[.,;:!?)…—–\n]|$)|\s+(?:money|anything|with|here|at\s+all|and|if|when)\b)",
        r"\bsure[- ](?:win|winner|profit|bet|thing)s?\b",
        r"\bfoolproof\b",
        r"\b(?:certain|sure|guaranteed|bound)\s+to\s+(?:make\s+(?:you\s+)?(?:money|a\s+profit|profits)|win|profit)\b",
    ),
    "de": (
        rf"\bgarantiert\w*\s+{_GAP}(?:gewinne?n?|rendite|profit)\b",
        rf"\b(?:gewinne?|rendite|profit)\s+(?:ist|sind)\s+{_ONE}(?:garantiert|sicher)\b",
        r"\b(?:risikolos|risikofrei)(?:e[rsnm]?)?\s+(?:gewinne?n?|rendite|trade|geschäft|profit|geldanlage)\b",
        rf"\b(?:ist|sind|völlig|absolut|vollkommen)\s+{_ONE}(?:risikolos|risikofrei)\b",
        r"\b(?:sicherer?|todsicherer?|sichere)\s+(?:gewinn|profit|wette|rendite)\b",
        r"\bkannst?\s+(?:du\s+|man\s+|hier\s+|dabei\s+)*(?:nicht|nichts|nie)\s+verlieren\b",
        r"\bkönnen\s+(?:sie\s+|hier\s+|dabei\s+)*(?:nicht|nichts|nie)\s+verlieren\b",
    ),
    "es": (
        rf"\b(?:ganancias?|beneficios?|rentabilidad|rendimientos?)\s+{_GAP}(?:garantizad[ao]s?|asegurad[ao]s?|segur[ao]s?)\b",
        rf"\b(?:garantizamos|garantiza|te\s+garantizo)\s+{_ONE}(?:ganancias?|beneficios?|rentabilidad)\b",
        rf"\b(?:ganancias?|beneficios?|operaci[oó]n|inversi[oó]n)\s+{_ONE}(?:sin\s+(?:ning[uú]n\s+)?riesgos?|libres?\s+de\s+riesgo)\b",
        r"\bes\s+imposible\s+perder\b",
        r"\bno\s+(?:puedes|puede|se\s+puede|vas\s+a|va\s+a)\s+perder\b(?!\s+(?:de\s+vista|el|la|los|las|este|esta|ese|esa|su|tu|tiempo)\b)",
    ),
    "fr": (
        rf"\b(?:profits?|gains?|b[ée]n[ée]fices?|rendements?)\s+{_GAP}(?:garantie?s?|assur[ée]e?s?|certaine?s?)(?!\w)",
        rf"\b(?:garantit|garantissons|je\s+te\s+garantis|je\s+vous\s+garantis)\s+{_ONE}(?:profits?|gains?|b[ée]n[ée]fices?)\b",
        rf"\b(?:profits?|gains?|op[ée]ration|investissement)\s+{_ONE}sans\s+(?:aucun\s+)?risques?\b",
        r"\b(?:est|c'est|c’est)\s+(?:totalement\s+|absolument\s+)?sans\s+(?:aucun\s+)?risques?\b",
        r"\bne\s+(?:peux|peut|pouvez|peuvent)\s+pas\s+perdre\b(?!\s+(?:de\s+vue|(?:le|la|les|ce|cet|cette|son|ton|sa|ta|un|une)\b|l['’]))",
        r"\bimpossible\s+de\s+perdre\b",
    ),
}
_FOUND = re.compile("|".join(f"(?:{each})" for kinds in _PROMISES.values() for each in kinds), re.IGNORECASE)

# What comes before a promise in its clause and makes it none: a denial, a doubt, a warning, a question.
_DENIED = re.compile(
    r"\b(?:no|not|none|nobody|nothing|never|neither|nor|without|cannot|can't|can’t|isn't|isn’t|aren't|aren’t|don't|don’t|doesn't|doesn’t|won't|won’t"
    r"|avoid|beware|distrust|claim(?:s|ed|ing)?|promis(?:e|es|ed|ing)|if|whether|hardly|rarely|myth|scams?|fraud(?:ulent)?"
    r"|kein\w*|nicht|nichts|nie|niemals|niemand|weder|ohne|ob|wenn|falls|vorsicht|versprechen|verspricht"
    r"|ning[uú]n\w*|nunca|nadie|nada|jam[aá]s|tampoco|ni|sin|si|promet\w+|desconf\w+"
    r"|aucune?|jamais|pas|personne|rien|ni|sans|n['’]est|promet\w*|m[ée]fi\w+)(?!\w)",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(
    r"\s*(?:is|are|does|do|ist|sind|gibt|existiert|existieren|es|son|existen?|est|sont|n['’]existe\w*)?\s*"
    r"(?:not|never|n't|no\s+such|(?:es\s+)?nicht|nie|no\b|nunca|pas|jamais|a\s+myth|a\s+scam|ein\s+mythos|un\s+mito|un\s+mythe|impossible|unmöglich|imposible)",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[.!?;:\n]|,\s*(?:but|and|aber|sondern|und|pero|sino|mais|et)\s|\s(?:but|aber|sondern|pero|sino|mais)\s"
)
# What stands in quotation marks is somebody else's word, and what stands in a line of > the user's.
_QUOTED = re.compile(
    r"\"[^\"\n]{1,300}\"|“[^”\n]{1,300}”|„[^“”\n]{1,300}[“”]|«[^»\n]{1,300}»|^[ \t]*>.*$", re.MULTILINE
)

_EMPHASIS = re.compile(r"[*_`]")


def promise_in(text: str) -> str | None:
    """The first promise of profit that an answer makes in its own words."""
    own = _EMPHASIS.sub("", _QUOTED.sub(" ", text))
    for found in _FOUND.finditer(own):
        before = own[max(0, found.start() - 200) : found.start()]
        clause = _CLAUSE_END.split(before)[-1]
        is_question = re.match(r"[^.!\n]{0,100}\?", own[found.end() :]) is not None
        if not is_question and not _DENIED.search(clause) and not _DENIED_AFTER.match(own, found.end()):
            return found[0]
    return None
