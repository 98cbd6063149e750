"""What the simulated exchanges list: made-up but plausible coins, and the pairs they trade in. Pure."""

from dataclasses import dataclass, replace
from math import floor, log10


@dataclass(frozen=True)
class Coin:
    base: str
    name: str
    price_usd: float
    supply: float
    turnover_daily: float
    # Against the common factor of the market, and on its own: what a share analyst calls beta and idiosyncrasy.
    beta: float = 1.1
    own: float = 0.8
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pair:
    base: str
    quote: str
    name: str
    # Pairs of one walk move together, as BTC/USDT and BTC/USDC do.
    walk: str
    price: float
    decimals: int
    turnover_daily: float
    beta: float
    own: float

    @property
    def symbol(self) -> str:
        return f"{self.base}/{self.quote}"

    @property
    def compact(self) -> str:
        return f"{self.base}{self.quote}"

    @property
    def dashed(self) -> str:
        return f"{self.base}-{self.quote}"


COINS = (
    Coin("BTC", "Bitcoin", 64_000.0, 19_980_000, 1.9e9, beta=1.0, own=0.15),
    Coin("ETH", "Ethereum", 3_100.0, 120_700_000, 1.2e9, beta=1.15, own=0.5, tags=("defi",)),
    Coin("BNB", "BNB", 610.0, 139_000_000, 1.6e8, beta=0.9, own=0.5),
    Coin("SOL", "Solana", 150.0, 540_000_000, 5.2e8, beta=1.3, own=0.8, tags=("defi",)),
    Coin("XRP", "XRP", 0.92, 59_200_000_000, 4.1e8, beta=1.0, own=0.9),
    Coin("ADA", "Cardano", 0.52, 35_400_000_000, 9.0e7),
    Coin("AVAX", "Avalanche", 31.0, 422_000_000, 8.5e7, beta=1.3, tags=("defi",)),
    Coin("DOGE", "Dogecoin", 0.14, 150_200_000_000, 2.3e8, beta=1.2, own=1.1),
    Coin("LINK", "Chainlink", 15.5, 678_000_000, 7.8e7, tags=("defi",)),
    Coin("DOT", "Polkadot", 6.1, 1_580_000_000, 4.2e7),
    Coin("LTC", "Litecoin", 88.0, 76_100_000, 6.3e7, beta=0.9, own=0.6),
    Coin("TRX", "TRON", 0.13, 94_700_000_000, 4.9e7, beta=0.6, own=0.6),
    Coin("BCH", "Bitcoin Cash", 410.0, 19_900_000, 4.4e7),
    Coin("UNI", "Uniswap", 8.7, 600_000_000, 3.6e7, tags=("defi",)),
    Coin("ATOM", "Cosmos", 7.2, 390_000_000, 2.2e7),
    Coin("NEAR", "NEAR Protocol", 5.1, 1_230_000_000, 4.0e7),
    Coin("APT", "Aptos", 8.4, 650_000_000, 3.1e7),
    Coin("ARB", "Arbitrum", 0.78, 5_100_000_000, 3.3e7),
    Coin("OP", "Optimism", 1.7, 1_750_000_000, 2.8e7),
    Coin("SUI", "Sui", 2.3, 3_450_000_000, 1.4e8, beta=1.4, own=1.0),
    Coin("INJ", "Injective", 21.0, 99_900_000, 2.4e7, tags=("defi",)),
    Coin("FIL", "Filecoin", 5.0, 680_000_000, 2.1e7),
    Coin("ETC", "Ethereum Classic", 24.0, 152_000_000, 2.0e7),
    Coin("XLM", "Stellar", 0.21, 31_100_000_000, 3.0e7),
    Coin("HBAR", "Hedera", 0.12, 42_400_000_000, 3.4e7),
    Coin("AAVE", "Aave", 165.0, 15_200_000, 3.8e7, tags=("defi",)),
    Coin("ALGO", "Algorand", 0.2, 8_700_000_000, 1.2e7),
    Coin("GRT", "The Graph", 0.17, 9_700_000_000, 1.0e7, tags=("defi",)),
    Coin("CRV", "Curve DAO", 0.55, 1_380_000_000, 2.6e7, tags=("defi",)),
    Coin("TON", "Toncoin", 4.6, 2_540_000_000, 2.9e7),
    Coin("PEPE", "Pepe", 0.0000112, 420_690_000_000_000, 1.3e8, beta=1.5, own=1.5),
    Coin("SHIB", "Shiba Inu", 0.0000178, 589_000_000_000_000, 6.0e7, beta=1.3, own=1.1),
    Coin("ICP", "Internet Computer", 9.4, 470_000_000, 2.3e7),
    Coin("VET", "VeChain", 0.029, 80_980_000_000, 1.4e7),
    Coin("SAND", "The Sandbox", 0.34, 2_400_000_000, 1.5e7, beta=1.3),
    Coin("MANA", "Decentraland", 0.38, 1_900_000_000, 1.1e7, beta=1.3),
    Coin("AXS", "Axie Infinity", 5.6, 154_000_000, 1.2e7, beta=1.3),
    Coin("EOS", "EOS", 0.62, 1_530_000_000, 1.6e7),
    Coin("XTZ", "Tezos", 0.81, 1_000_000_000, 0.9e7),
    Coin("RUNE", "THORChain", 4.3, 337_000_000, 2.1e7, beta=1.3, own=1.0, tags=("defi",)),
    Coin("FTM", "Fantom", 0.58, 2_800_000_000, 2.7e7, beta=1.3, own=1.0),
    Coin("WIF", "dogwifhat", 1.9, 998_000_000, 5.4e7, beta=1.5, own=1.5),
    Coin("SEI", "Sei", 0.41, 4_200_000_000, 3.0e7, beta=1.4, own=1.0),
    Coin("TIA", "Celestia", 5.2, 430_000_000, 3.2e7, beta=1.4, own=1.0),
    Coin("IMX", "Immutable", 1.35, 1_690_000_000, 1.7e7, beta=1.3),
    Coin("MKR", "Maker", 1_750.0, 880_000, 2.0e7, tags=("defi",)),
    Coin("LDO", "Lido DAO", 1.15, 896_000_000, 2.4e7, tags=("defi",)),
    Coin("SNX", "Synthetix", 1.9, 340_000_000, 1.0e7, tags=("defi",)),
    Coin("DYDX", "dYdX", 1.25, 720_000_000, 1.3e7, tags=("defi",)),
    Coin("GALA", "Gala", 0.024, 41_500_000_000, 1.9e7, beta=1.4),
)
QUOTES_USD = {"USDT": 1.0, "USDC": 1.0, "FDUSD": 1.0, "EUR": 1.1}
CROSSES = (
    ("BTC", "USDC"), ("ETH", "USDC"), ("SOL", "USDC"), ("BTC", "FDUSD"), ("ETH", "FDUSD"), ("BTC", "EUR"), ("ETH", "EUR"),
    ("ETH", "BTC"), ("BNB", "BTC"), ("SOL", "BTC"), ("AVAX", "BTC"), ("LINK", "BTC"), ("SOL", "ETH"), ("AVAX", "ETH"), ("BNB", "ETH"),
)  # fmt: skip
TURNOVER_SHARE_OF_CROSSES = 0.06


def price_decimals(price: float) -> int:
    """About five significant digits, two decimals at least, as exchanges choose their ticks."""
    return min(10, max(2, 4 - floor(log10(price))))


def listed() -> dict[str, Pair]:
    """Every listed pair by its canonical symbol."""
    coins = {coin.base: coin for coin in COINS}
    pairs = [_against_dollar(coin, "USDT") for coin in COINS]
    for base, quote in CROSSES:
        pair = (
            _against_dollar(coins[base], quote)
            if quote in QUOTES_USD
            else _against_coin(coins[base], coins[quote])
        )
        pairs.append(replace(pair, turnover_daily=pair.turnover_daily * TURNOVER_SHARE_OF_CROSSES))
    return {pair.symbol: pair for pair in pairs}


def _against_dollar(coin: Coin, quote: str) -> Pair:
    price = coin.price_usd / QUOTES_USD[quote]
    return Pair(
        base=coin.base,
        quote=quote,
        name=coin.name,
        walk=coin.base,
        price=price,
        decimals=price_decimals(price),
        turnover_daily=coin.turnover_daily / QUOTES_USD[quote],
        beta=coin.beta,
        own=coin.own,
    )


def _against_coin(coin: Coin, quote: Coin) -> Pair:
    price = coin.price_usd / quote.price_usd
    return Pair(
        base=coin.base,
        quote=quote.base,
        name=coin.name,
        walk=f"{coin.base}/{quote.base}",
        price=price,
        decimals=price_decimals(price),
        turnover_daily=coin.turnover_daily / quote.price_usd,
        beta=coin.beta - quote.beta,
        own=max(0.5, coin.own),
    )
