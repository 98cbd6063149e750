"""Market intelligence: swings, regime, trend, volatility, levels and patterns of one pair's candles."""
