"""What a user says of themselves and watches, and how far the mirror has carried it."""
