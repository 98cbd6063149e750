"""What is posted and answered about liquidation maps. Pure."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from orchestrator_api.liquidations.image import ENCODED_LENGTH_MAX
from orchestrator_api.market.filters import Moment, Name
from orchestrator_api.numbers import Number
from orchestrator_api.paging import Page, PageQuery
from zmarty.market import Symbol

CLUSTERS_MAX = 500
LINK_LENGTH_MAX = 500
DATA_PREFIX_LENGTH_MAX = 40
PRICE_MAX = Decimal(10) ** 15

Side = Literal["above", "below"]
Size = Literal["small", "medium", "large", "xlarge"]
Band = Literal["high", "medium", "low", "none"]
PatternKind = Literal["long_squeeze", "short_squeeze", "pull_up", "pull_down", "balanced"]


class PushedCluster(BaseModel):
    """A price near which many positions would be liquidated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    side: Side
    price: Annotated[Decimal, Field(gt=0, lt=PRICE_MAX, allow_inf_nan=False)]
    size: Size
    notional: Annotated[
        Decimal | None, Field(ge=0, lt=PRICE_MAX, allow_inf_nan=False, description="In dollars.")
    ] = None


class PushedMap(BaseModel):
    """A map as an operator's tool posts it: its clusters, or a picture of it for a model to read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: Symbol
    observed_at: Annotated[Moment, Field(description="When the map was so; within the last hour.")]
    clusters: Annotated[list[PushedCluster] | None, Field(min_length=1, max_length=CLUSTERS_MAX)] = None
    image: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=ENCODED_LENGTH_MAX + DATA_PREFIX_LENGTH_MAX,
            description="A PNG or JPEG of at most 2 MiB in base64.",
        ),
    ] = None
    confidence: Annotated[float | None, Field(ge=0, le=1, description="The sender's own, with clusters.")] = (
        None
    )
    link: Annotated[
        str | None,
        Field(
            max_length=LINK_LENGTH_MAX, pattern=r"^https?://\S+$", description="Where it can be looked at."
        ),
    ] = None

    @model_validator(mode="after")
    def _one_kind(self) -> "PushedMap":
        if (self.clusters is None) == (self.image is None):
            raise ValueError("either clusters or an image is posted")
        return self


class PushReceipt(BaseModel):
    """What became of a push: `accepted` now, or a `duplicate` of one that was accepted before, with its state."""

    result: Literal["accepted", "duplicate"]
    id: str
    state: Literal["waiting", "kept", "refused"]
    refusal: str | None = None


class ClusterQuery(PageQuery):
    """History by time of observation: since inclusive, until exclusive."""

    since: Moment | None = None
    until: Moment | None = None
    source: Annotated[
        Name | None, Field(description="king_fisher, pushed, screenshot or estimated; all when absent.")
    ] = None


class MapCluster(BaseModel):
    side: Side
    price: Number
    size: Size
    notional: Number | None = Field(description="In dollars; null where the source does not say.")


class Origin(BaseModel):
    """Who saw a map, when, and how sure they are."""

    source: str
    observed_at: datetime
    confidence: float | None = Field(description="The source's own, 0 to 1, where it has one.")
    link: str | None


class ClusterRow(Origin, MapCluster):
    """One cluster of one map."""

    id: Annotated[int, Field(exclude=True)]


class MapRow(Origin):
    age_seconds: float
    clusters: list[MapCluster] = Field(description="Highest price first.")


class ClusterMaps(BaseModel):
    """The newest map of each source, and all clusters that were seen, newest first."""

    symbol: Symbol
    maps: list[MapRow]
    history: Page[ClusterRow]


class NearCluster(BaseModel):
    side: Side
    price: float
    size: Size
    notional: float | None
    distance_percent: float


class CascadeParts(BaseModel):
    """What the risk is the sum of, and how many clusters reach which notional."""

    above: float
    below: float
    critical: int = Field(description="Clusters with at least the critical notional.")
    warn: int = Field(
        description="Clusters with at least the warning notional, but less than the critical one."
    )
    unknown: int = Field(description="Clusters whose notional nobody says; they are not in the risk.")
    critical_notional: float
    warn_notional: float


class PatternParts(BaseModel):
    """The notionals within 5 % (near) and 2 % (close) of the price."""

    near_above: float
    near_below: float
    close_above: float
    close_below: float


class Liquidation(BaseModel):
    percent: float = Field(description="The move that closes the position, signed.")
    price: float


class MonitorRow(Origin):
    """How a symbol stands among its clusters, as the worker computed it at `computed_at`."""

    symbol: Symbol
    price: Number
    price_at: datetime = Field(description="When the candle closed that the price is from.")
    nearest_above: NearCluster | None
    nearest_below: NearCluster | None
    hits: list[NearCluster] = Field(description="Clusters within 0.2 % of the price.")
    cascade_risk: float | None = Field(description="0 to 100; null where no notional is known.")
    cascade_band: Band | None
    cascade_parts: CascadeParts
    pattern: PatternKind | None
    pattern_parts: PatternParts
    distances: dict[Literal["long", "short"], dict[str, Liquidation]] = Field(
        description="By leverage, for a position opened at `price`."
    )
    computed_at: datetime
    map_age_seconds: float
    price_age_seconds: float


class PatternQuery(PageQuery):
    """Which symbols to list, in the order of their names."""

    pattern: Annotated[PatternKind | None, Field(description="All that have one when absent.")] = None


class PatternRow(BaseModel):
    """How a symbol's newest map leans around its price."""

    symbol: Symbol
    pattern: PatternKind
    cascade_risk: float | None
    cascade_band: Band | None
    price: Number
    price_at: datetime
    source: str
    observed_at: datetime
    computed_at: datetime


def stored_clusters(pushed: PushedMap) -> list[dict[str, Any]] | None:
    """The clusters as JSON whose numbers are text, so that none of them changes on its way."""
    return (
        None if pushed.clusters is None else [cluster.model_dump(mode="json") for cluster in pushed.clusters]
    )
