"""Jobs that a user waits for: how far they are, and stopping them."""
