"""Who is asking: tokens of the auth server, verified against its published keys."""
