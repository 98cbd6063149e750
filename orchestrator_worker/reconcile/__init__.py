"""Holds the mirror in the trading database against its origin in the chat database, and has repaired what differs."""
