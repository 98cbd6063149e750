"""Signals: what one closed candle says, how sure we may be of it, and whether acting on it would pay."""
