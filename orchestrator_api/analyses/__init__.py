"""Analyses on demand: a question to the chat's models whose answer is kept beside the market's data."""
