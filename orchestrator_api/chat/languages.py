"""The languages a user may choose, by name, and the sentences we say in them ourselves. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """A language in which we have our own sentences."""

    disclaimer: str
    correction: str


ENGLISH = "en"

# A profile holds a code; only names from here reach a prompt.
NAMES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}

OURS = {
    "en": Language(
        disclaimer="This is information, not financial advice.",
        correction="Correction: no profit is guaranteed. Every trade can lose money, up to all that was put in.",
    ),
    "de": Language(
        disclaimer="Das ist Information, keine Anlageberatung.",
        correction="Richtigstellung: Kein Gewinn ist garantiert. Jeder Trade kann Geld verlieren, bis zum ganzen Einsatz.",
    ),
    "es": Language(
        disclaimer="Esto es información, no asesoramiento financiero.",
        correction="Corrección: ninguna ganancia está garantizada. Toda operación puede perder dinero, incluso todo lo invertido.",
    ),
    "fr": Language(
        disclaimer="Ceci est une information, pas un conseil financier.",
        correction="Rectification : aucun gain n'est garanti. Toute opération peut perdre de l'argent, jusqu'à toute la mise.",
    ),
}


def name_of(code: str) -> str:
    """The language's English name; a region is ignored, and what is unknown is English."""
    return NAMES.get(_plain(code), NAMES[ENGLISH])


def disclaimer_in(code: str) -> str:
    return OURS.get(_plain(code), OURS[ENGLISH]).disclaimer


def correction_in(code: str) -> str:
    return OURS.get(_plain(code), OURS[ENGLISH]).correction


def _plain(code: str) -> str:
    return code.partition("-")[0].lower()
