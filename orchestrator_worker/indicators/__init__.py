"""Candles, readings and the 21 indicators: what every signal is computed from."""
