"""What changes, told while it happens: one reader for each process, one stream for each client."""
