"""What the chat keeps as seen through /v1/conversations, and an owner who deletes while an answer is written."""

from collections.abc import AsyncGenerator

import pytest

from orchestrator_api.model_router.provider import Piece, Prompt
from tests.orchestrator_api.chat.conftest import Chats, ScriptedProvider, saying
from zmarty.postgres import Pool


class DeletingProvider(ScriptedProvider):
    """A model that takes so long that its user has deleted the conversation before it speaks."""

    def __init__(self, chat: Pool) -> None:
        super().__init__("xai", saying("Too late."))
        self.chat = chat

    async def stream(
        self, prompt: Prompt, *, model: str, output_tokens_max: int
    ) -> AsyncGenerator[Piece, None]:
        await self.chat.execute("delete from conversations")
        async for piece in super().stream(prompt, model=model, output_tokens_max=output_tokens_max):
            yield piece


@pytest.mark.usefixtures("markets")
async def test_a_question_makes_a_conversation_that_is_listed_and_read(chats: Chats) -> None:
    user = await chats.speaking(ScriptedProvider("xai", saying("It rises.")))
    await user.ask(message="Tell me,\nplease, " + "what about BTC " * 10)

    [conversation] = (await user.client.get("/v1/conversations", headers=user.headers)).json()["items"]
    path = f"/v1/conversations/{conversation['id']}/messages"
    answer, question = (await user.client.get(path, headers=user.headers)).json()["items"]

    assert conversation["title"].startswith("Tell me, please, what about BTC")
    assert conversation["title"].endswith("…")
    assert (conversation["message_count"], conversation["excerpt"]) == (2, "It rises.")
    assert (answer["role"], answer["provider"], answer["finish_reason"]) == ("assistant", "xai", "stop")
    assert [signal["symbol"] for signal in answer["signals"]] == ["BTC/USDT"]
    assert answer["credits"] > 0
    assert question["content"].startswith("Tell me,\nplease")


async def test_an_answer_whose_conversation_was_deleted_is_paid_for_and_gone(
    chats: Chats, chat: Pool
) -> None:
    user = await chats.speaking(DeletingProvider(chat))

    answer = await user.ask()

    assert (answer.status_code, answer.json()["answer"]) == (200, "Too late.")
    assert [charge[1:] for charge in await user.charges()] == [("xai", "chat")]
    assert await user.until_resolved() == ["settled"]
    assert await user.messages() == []
