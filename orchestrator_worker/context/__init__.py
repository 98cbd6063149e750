"""What surrounds a symbol: the whole market at once, and readings that are asked for on a plan instead of at each candle."""
