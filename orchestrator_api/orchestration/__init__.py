"""The mirror between the two databases as users and operators see it: asking for a sync, and how it stands."""
