"""Carries what changed in the chat database to the trading database, in order per user, until it has arrived."""
