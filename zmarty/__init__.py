"""The language both services speak: symbols, messages, the queue, the two databases. Knows no feature and no web framework."""
