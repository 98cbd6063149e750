"""The chat: a question becomes a briefing, a plan, a hold, an answer and one settlement."""
