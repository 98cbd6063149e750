"""The stored candles of a pair, as every calculation loads them."""
