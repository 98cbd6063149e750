"""What prices are counted in: the exchange whose pairs we follow, which currencies are dollars, an average price. Pure."""

from decimal import Context, Decimal

EXCHANGE = "binance"
DOLLARS = frozenset({"USD", "USDT", "USDC", "FDUSD"})
# A vwap is a quotient and would otherwise be written with Decimal's 28 digits, of which prices carry half.
VWAP_DIGITS = Context(prec=14)


def vwap_of(quote_volume: Decimal, volume: Decimal) -> Decimal | None:
    """The average price paid in a bar; None where nothing was traded."""
    return VWAP_DIGITS.divide(quote_volume, volume) if volume > 0 and quote_volume > 0 else None
