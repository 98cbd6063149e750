"""The only place where maps of clusters and what follows from them speak SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal, cast

import polars as pl

from orchestrator_worker.liquidations.monitor import SOURCES, Monitor, Price
from orchestrator_worker.sources.readings import Cluster, ClusterMap
from orchestrator_worker.sources.vision import MediaType
from zmarty import sql
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import Connection, Pool

SQL = sql.load(__package__)

BARS = pl.Schema(
    {
        "closed_at": pl.Datetime("us", "UTC"),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A map that was posted: as clusters, or as an image that waits to be read."""

    id: str
    symbol: str
    observed_at: datetime
    clusters: Sequence[dict[str, Any]] | None
    image: bytes | None
    media_type: MediaType | None
    confidence: float | None
    link: str | None
    state: Literal["waiting", "kept", "refused"]


async def is_known(pool: Pool, symbol: Symbol) -> bool:
    return cast(bool, await pool.fetchval(SQL["is_known"], symbol))


async def newest_price(pool: Pool, symbol: Symbol) -> Price | None:
    record = await pool.fetchrow(
        SQL["newest_price"], symbol, list(Timeframe), [float(timeframe.seconds) for timeframe in Timeframe]
    )
    return Price(record["close"], record["closed_at"]) if record else None


async def bars_since(
    pool: Pool, symbol: Symbol, timeframe: Timeframe, since: datetime, *, limit: int
) -> pl.DataFrame:
    records = await pool.fetch(SQL["bars_since"], symbol, timeframe, float(timeframe.seconds), since, limit)
    return pl.DataFrame([tuple(record) for record in records], schema=BARS, orient="row")


async def newest_maps(pool: Pool, symbol: Symbol, *, since: datetime) -> list[ClusterMap]:
    records = await pool.fetch(SQL["newest_maps"], symbol, list(SOURCES), since)
    maps = []
    for (source, observed_at), rows in groupby(records, key=lambda row: (row["source"], row["observed_at"])):
        clusters = list(rows)
        maps.append(
            ClusterMap(
                vendor=source,
                observed_at=observed_at,
                confidence=clusters[0]["confidence"],
                link=clusters[0]["link"],
                clusters=tuple(
                    Cluster(side=row["side"], price=row["price"], size=row["size"], notional=row["notional"])
                    for row in clusters
                ),
            )
        )
    return maps


async def claim_ask(pool: Pool, symbol: Symbol, source: str, *, now: datetime, every: timedelta) -> bool:
    return await pool.fetchval(SQL["claim_ask"], symbol, source, now, every) is not None


async def save_clusters(connection: Connection, symbol: Symbol, found: ClusterMap) -> None:
    await connection.execute(
        SQL["save_clusters"],
        symbol,
        found.vendor,
        found.observed_at,
        found.confidence,
        found.link,
        [cluster.side for cluster in found.clusters],
        [cluster.price for cluster in found.clusters],
        [cluster.size for cluster in found.clusters],
        [cluster.notional for cluster in found.clusters],
    )


async def save_monitor(
    connection: Connection, symbol: Symbol, monitor: Monitor, *, computed_at: datetime
) -> None:
    await connection.execute(
        SQL["save_monitor"],
        symbol,
        monitor.source,
        monitor.observed_at,
        monitor.confidence,
        monitor.link,
        monitor.price,
        monitor.price_at,
        monitor.nearest_above,
        monitor.nearest_below,
        monitor.hits,
        monitor.cascade_risk,
        monitor.cascade_band,
        monitor.cascade_parts,
        monitor.pattern,
        monitor.pattern_parts,
        monitor.distances,
        computed_at,
    )


async def find_push(pool: Pool, push_id: str) -> Push | None:
    record = await pool.fetchrow(SQL["find_push"], push_id)
    return Push(**record) if record else None


async def end_push(
    connection: Connection,
    push_id: str,
    *,
    state: Literal["kept", "refused"],
    refusal: str | None,
    now: datetime,
) -> None:
    await connection.execute(SQL["end_push"], push_id, state, refusal, now)
