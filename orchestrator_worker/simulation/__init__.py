"""Simulation: what a strategy would have made of the past, by the same rules that signals live and are judged by."""
