"""Single signals as a whole, and signals that were made elsewhere and are judged here."""
