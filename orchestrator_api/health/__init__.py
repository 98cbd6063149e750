"""Whether the process lives, whether the system works, and its numbers for Prometheus."""
