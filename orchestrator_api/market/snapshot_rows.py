"""What was told of the whole market at one moment, and which of it a client asks for. Pure."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from orchestrator_api.market.filters import Moment, Name
from orchestrator_api.paging import PageQuery

# Some sources tell of four hundred pairs at once.
SNAPSHOTS_MAX = 20


class SnapshotQuery(PageQuery):
    """Without a source: the newest snapshot of each. With one: its history, newest first, of two weeks."""

    limit: Annotated[int, Field(ge=1, le=SNAPSHOTS_MAX, description="Snapshots of a page.")] = SNAPSHOTS_MAX
    source: Annotated[
        Name | None, Field(description="trend, rapid_movements, volume_flow, tickers, …; all when absent.")
    ] = None
    since: Annotated[
        Moment | None, Field(description="Only those observed at or after this time; needs a source.")
    ] = None


class SnapshotRow(BaseModel):
    """One source's word on the whole market. Its age counts from when it held."""

    model_config = ConfigDict(frozen=True)

    source: str
    vendor: str
    observed_at: datetime
    taken_at: datetime
    age_seconds: float
    data: dict[str, Any] = Field(
        description="Tables by pair or coin (`pairs`, `coins`, `rates`) or lists, the newest or largest first."
    )
