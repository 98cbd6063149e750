"""How often a user or an address may call, and how many streams may be open: shared by all instances."""
