"""Scaling: whether a losing position may be doubled, by how much, and which rule refuses. Nothing here trades."""
