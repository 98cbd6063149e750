"""Maps of liquidation clusters: taken from an operator's tool, and shown with what they threaten."""
