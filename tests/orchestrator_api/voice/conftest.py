"""Voice is the chat's: its tests ask through the chat's own fixtures."""

from tests.orchestrator_api.chat.conftest import chats, simulators, user_id

__all__ = ["chats", "simulators", "user_id"]
