"""Market intelligence as clients get it: stored analyses and patterns, new ones on demand, and how patterns did."""
