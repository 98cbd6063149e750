"""How many tokens a text has, without a tokenizer of any vendor: a bound for holds and an estimate for bills. Pure."""

# English prose has about four bytes to a token, rows of figures about two and a half.
BYTES_PER_TOKEN = 4
BYTES_PER_TOKEN_LEAST = 2
# No tokenizer of a vendor makes its tokens this long on average: an answer that is longer has no end.
BYTES_PER_TOKEN_MOST = 16


def tokens_bound(text: str) -> int:
    """More tokens than this text of ours has in practice: what a hold must cover."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN_LEAST)


def tokens_estimated(text: str) -> int:
    """About how many tokens this text has: the bill when a provider ends well and says no usage."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)
