"""Where many positions would be closed by force: maps of clusters from several sources, and what they threaten."""
