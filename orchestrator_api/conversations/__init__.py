"""What was said: a user's conversations, their messages, and what the user thought of the answers."""
