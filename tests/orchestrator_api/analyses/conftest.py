"""Analyses are asked of the chat's models: their tests use the chat's own fixtures."""

from tests.orchestrator_api.chat.conftest import chats, markets, user_id

__all__ = ["chats", "markets", "user_id"]
