"""Promises of profit are found in a model's own words, in four languages; denials, quotes, questions and our own words are none."""

import pytest

from orchestrator_api.chat.data_brief import data_brief
from orchestrator_api.chat.facts import Knowledge, fact_lines
from orchestrator_api.chat.languages import OURS, correction_in, disclaimer_in, name_of
from orchestrator_api.chat.promises import promise_in
from tests.orchestrator_api.chat.conftest import Chats, ScriptedProvider, saying
from tests.orchestrator_api.chat.test_facts import NOW, RATE, SIGNAL
from zmarty.postgres import Pool

PROMISES = [
    "This is a guaranteed profit.",
    "I can guarantee you a profit on this one.",
    "Profits are guaranteed here.",
    "It is a **risk-free** trade.",
    "This trade is completely risk-free.",
    "You cannot lose with this setup.",
    "You can't lose!",
    "With this stop you will never lose money",
    "You’re in luck: you can’t lose.",
    "BTC long is a sure win.",
    "It's a sure thing.",
    "You are certain to make money.",
    "A foolproof plan.",
    "Past results are no promise. Still, gains are guaranteed.",
    "It is not a scam, but a guaranteed profit.",
    "Das ist ein garantierter Gewinn.",
    "Der Gewinn ist sicher.",
    "Das ist völlig risikolos.",
    "Ein risikofreier Trade.",
    "Hier kannst du nicht verlieren.",
    "Ein todsicherer Gewinn.",
    "Es una ganancia garantizada.",
    "Es una operación sin riesgo.",
    "No puedes perder.",
    "Es imposible perder.",
    "C'est un gain garanti.",
    "C'est totalement sans risque.",
    "Vous ne pouvez pas perdre.",
    "Impossible de perdre avec ce signal.",
]
NO_PROMISES = [
    "",
    "No profit is guaranteed.",
    "Profits are not guaranteed.",
    "Profits are never guaranteed.",
    "There is no such thing as a risk-free trade.",
    "No trade is risk-free.",
    "Nothing here is a sure win.",
    "I can't guarantee any profits.",
    "I cannot promise a guaranteed profit.",
    "Beware of anyone who offers guaranteed returns.",
    "A guaranteed profit does not exist.",
    "Risk-free trades are a myth.",
    "Is it a guaranteed profit? No.",
    'You asked for a "guaranteed profit": nobody has one.',
    "> I want a risk-free trade\n\nThat is a wish.",
    "Never lose sight of your stop.",
    "Bulls cannot lose this level.",
    "You won't lose access to your account.",
    "You can never lose more than your margin.",
    "Staking is not risk-free.",
    "Only use money that you cannot afford to lose? No: money you can spare.",
    "El precio no puede perder el soporte de 60.000.",
    "Le prix ne peut pas perdre le support.",
    "The win rate is 57% (51–62%, n 312).",
    "The risk-free rate is 4%.",
    "Your stop limits what you can lose.",
    "Kein Gewinn ist garantiert.",
    "Es gibt keinen risikolosen Trade.",
    "Ein garantierter Gewinn ist nicht möglich.",
    "Der Gewinn ist nicht sicher.",
    "Ninguna ganancia está garantizada.",
    "No hay ganancias garantizadas.",
    "No existe una operación sin riesgo.",
    "Aucun gain n'est garanti.",
    "Il n'y a pas de gain garanti.",
    "Il n'existe aucune opération sans risque.",
]


@pytest.mark.parametrize("text", PROMISES)
def test_a_promise_is_found(text: str) -> None:
    assert promise_in(text)


@pytest.mark.parametrize("text", NO_PROMISES)
def test_what_denies_quotes_or_asks_is_no_promise(text: str) -> None:
    assert promise_in(text) is None


def test_our_own_words_promise_nothing() -> None:
    lines = fact_lines(Knowledge(symbols=["BTC/USDT"], signals=[SIGNAL], win_rates=[RATE]), now=NOW)
    assert lines

    for code in OURS:
        assert promise_in(data_brief(lines, now=NOW, language=code)) is None
        assert promise_in(disclaimer_in(code)) is None
        assert promise_in(correction_in(code)) is None


def test_a_hostile_answer_is_read_in_time_that_grows_with_it() -> None:
    text = "guaranteed profit is not " * 4_000 + "profits very " * 4_000 + '"' * 4_000

    assert promise_in(text) is None


@pytest.mark.parametrize(
    ("code", "name"), [("de", "German"), ("pt-BR", "Portuguese"), ("xx", "English"), ("", "English")]
)
def test_a_code_becomes_a_name_or_english(code: str, name: str) -> None:
    assert name_of(code) == name


def test_a_language_without_our_sentences_gets_the_english_ones() -> None:
    assert disclaimer_in("it") == disclaimer_in("en")
    assert disclaimer_in("fr-CA") == OURS["fr"].disclaimer


async def test_a_promise_is_taken_back_in_the_users_language(chats: Chats, chat: Pool) -> None:
    await chat.execute("update profiles set language = 'de'")
    user = await chats.speaking(ScriptedProvider("xai", saying("Ein garantierter Gewinn.")))

    answer = (await user.ask()).json()["answer"]

    assert answer == f"Ein garantierter Gewinn.\n\n{correction_in('de')}"
    assert ("assistant", answer) in await user.messages()


async def test_a_stream_carries_the_correction(chats: Chats) -> None:
    user = await chats.speaking(ScriptedProvider("xai", saying("You cannot lose.")))

    stream = (await user.ask(stream=True)).text

    assert correction_in("en").split(".")[0] in stream


async def test_an_honest_answer_stays_as_it_is(chats: Chats) -> None:
    user = await chats.speaking(ScriptedProvider("xai", saying("No profit is guaranteed.")))

    assert (await user.ask()).json()["answer"] == "No profit is guaranteed."


async def test_the_prompt_speaks_as_the_profile_says(chats: Chats, chat: Pool) -> None:
    await chat.execute("update profiles set language = 'es', trading_experience = 'beginner'")
    model = ScriptedProvider("xai", saying("Hola."))
    user = await chats.speaking(model)

    await user.ask()

    system = model.prompts[0].system
    assert "beginner" in system
    assert "Answer in Spanish, unless" in system
    assert disclaimer_in("es") in system
