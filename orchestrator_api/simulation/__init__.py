"""Simulations: what a strategy, a pattern or a plan would have made of the past, asked for and read."""
