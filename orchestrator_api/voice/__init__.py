"""Voice: an answer spoken, kept for seven days, and heard by its owner alone."""
