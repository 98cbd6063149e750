"""One module per vendor, each over that vendor's own SDK; the only place that imports one."""
