"""What people say of a symbol, searched for by a model that cites."""
