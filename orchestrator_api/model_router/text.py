"""Text that every database and every wire can carry, whatever a client or a model put into it. Pure."""


def storable(text: str) -> str:
    """The text without null characters, which Postgres refuses, and without halves of characters, which UTF-8 cannot write."""
    if text.isascii() and "\x00" not in text:
        return text
    # Through UTF-16, so that the two halves of one character, sent one by one, become whole again.
    return text.replace("\x00", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
