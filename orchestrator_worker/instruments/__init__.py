"""Which symbols exist: what the exchanges list."""
