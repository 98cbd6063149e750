"""What the worker stored about a symbol, page by page."""
