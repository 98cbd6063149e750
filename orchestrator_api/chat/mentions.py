"""Which coins a question speaks of. Pure: what exists is looked up elsewhere."""

import re

# Of candidates, most of which are plain words in capitals; what exists of them is few.
MENTIONS_MAX = 200
NAMES = {
    "bitcoin": "BTC",
    "btc": "BTC",
    "ethereum": "ETH",
    "ether": "ETH",
    "eth": "ETH",
    "solana": "SOL",
    "sol": "SOL",
    "ripple": "XRP",
    "xrp": "XRP",
    "cardano": "ADA",
    "dogecoin": "DOGE",
    "doge": "DOGE",
    "bnb": "BNB",
    "avalanche": "AVAX",
    "polkadot": "DOT",
    "chainlink": "LINK",
    "litecoin": "LTC",
}
_PAIR = re.compile(r"\b([A-Za-z0-9]{2,12})[/-](USDT|USDC|FDUSD|BTC)\b", re.IGNORECASE)
_COMPACT = re.compile(r"\b([A-Z0-9]{2,12})USDT\b", re.IGNORECASE)
# Only in capitals: near, link, dot and op are words as well as coins.
_BASE = re.compile(r"\b[A-Z][A-Z0-9]{1,11}\b")
_WORD = re.compile(r"[a-z]+")


def mentioned_symbols(text: str) -> tuple[str, ...]:
    """Candidates in the canonical form, in the order of certainty; many of them may not exist."""
    found = [f"{base}/{quote}".upper() for base, quote in _PAIR.findall(text)]
    found += [f"{base}/USDT".upper() for base in _COMPACT.findall(text)]
    found += [f"{NAMES[word]}/USDT" for word in _WORD.findall(text.lower()) if word in NAMES]
    found += [f"{base}/USDT" for base in _BASE.findall(text)]
    return tuple(dict.fromkeys(found))[:MENTIONS_MAX]
