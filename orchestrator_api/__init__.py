"""The API: authenticates, reads what the worker stored, enqueues, streams, and moves credits. Computes no indicator."""
