"""Scaling: the next step of a doubling ladder, weighed by the worker. Nothing here trades."""
