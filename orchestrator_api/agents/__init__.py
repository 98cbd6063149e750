"""Agents from outside: the tools and resources behind MCP, and how fresh the sources behind them are."""
