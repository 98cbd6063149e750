"""How high a symbol stands in its own history, day by day, as the worker stored it."""
