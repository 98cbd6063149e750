"""How far the price may move before a position is closed by force. Pure.

The formula is the published one of USDⓈ-margined futures in isolated mode (Binance, "How to Calculate Liquidation Price
of USDⓈ-M Futures Contracts"): with a wallet of entry/leverage for each unit and a maintenance margin rate m of the
smallest position tier, a long is closed at entry · (1 − 1/leverage) / (1 − m), a short at entry · (1 + 1/leverage) / (1 + m).
1/leverage alone is wrong where leverage is high: at 100x half of it is maintenance margin.
"""

from typing import Literal, TypeAlias

Lean: TypeAlias = Literal["long", "short"]

LEANS: tuple[Lean, ...] = ("long", "short")
LEVERAGES = (10, 20, 50, 100)
# The smallest tiers of the large perpetuals: they allow up to 50x at 0.4 %, and charge 0.5 % where it is higher.
MAINTENANCE = {10: 0.004, 20: 0.004, 50: 0.005, 100: 0.005}


def liquidation_factor(leverage: int, lean: Lean) -> float:
    """The price of liquidation as a multiple of the entry price, for one of LEVERAGES."""
    rate = MAINTENANCE[leverage]
    sign = 1 if lean == "long" else -1
    return (1 - sign / leverage) / (1 - sign * rate)


def distances(price: float) -> dict[str, dict[str, dict[str, float]]]:
    """By lean and leverage: where a position opened at this price is closed, and the move there in percent, signed."""
    return {
        lean: {
            f"{leverage}x": {
                "percent": round((liquidation_factor(leverage, lean) - 1) * 100, 4),
                "price": float(f"{price * liquidation_factor(leverage, lean):.10g}"),
            }
            for leverage in LEVERAGES
        }
        for lean in LEANS
    }
