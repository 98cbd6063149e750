"""The vendors that market data comes from: each a client with typed answers and errors of its own."""
