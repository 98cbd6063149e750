"""What a round trip costs: the one place where fees and slippage stand, so that levels and outcomes agree. Pure."""

# Taker fee of a spot exchange without discounts, and the distance between a price seen and a price paid,
# both for one side of a trade and as fractions of the price.
FEE = 0.001
SLIPPAGE = 0.0002

ROUND_TRIP = 2 * (FEE + SLIPPAGE)
