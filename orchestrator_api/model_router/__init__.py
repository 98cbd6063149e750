"""The model router: one protocol for all providers, candidates tried in order under deadlines of our own."""
