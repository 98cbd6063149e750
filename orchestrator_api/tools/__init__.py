"""What models and agents may look up: the same tools in the chat and behind MCP."""
