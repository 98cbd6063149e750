"""Calibration: how a strength becomes a probability, and how well such probabilities were kept."""
