"""What a user watches, and how far the mirror has carried it."""
