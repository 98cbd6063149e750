"""`zmarty replay`: a strategy over candles of the database or of a file, with the engine that serves the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
from pydantic import ValidationError
from rich.table import Table

from orchestrator_api.simulation.page import page_of_report
from orchestrator_api.simulation.rows import ReportDocument, Statistics
from orchestrator_worker.candles.store import candles_between
from orchestrator_worker.simulation.questions import question_of, strategy_of
from orchestrator_worker.simulation.simulate import WARM_UP_BARS, Answer, analyze
from orchestrator_worker.simulation.soundness import HistoryInvalid, sound
from orchestrator_worker.simulation.strategies import History, Strategy
from zmarty.errors import FieldInvalid
from zmarty.market import Symbol, Timeframe
from zmarty.postgres import TRADING_PATIENCE, open_pool
from zmarty.specs import BARS_MAX, Trading

# How exchanges and tools call the time a candle opens.
TIME_COLUMNS = ("opened_at", "ts", "open_time", "timestamp", "time", "date", "datetime")
SPARK = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 60
TRADES_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay on this machine came to, in the form of a report."""

    document: ReportDocument
    bars: int


def read_candles(path: Path, timeframe: Timeframe, *, now: datetime) -> pl.DataFrame:
    """Read a parquet or CSV file of candles; a time without a zone is UTC, a whole number is milliseconds since 1970.

    A candle that has not closed yet is left out. Raises HistoryInvalid naming the column and the rule.
    """
    match path.suffix.lower():
        case ".parquet":
            rows = pl.read_parquet(path)
        case ".csv":
            rows = pl.read_csv(path, try_parse_dates=True)
        case other:
            raise HistoryInvalid("file", f"must end in .parquet or .csv, not {other or 'without an ending'}")
    rows = rows.rename({name: name.strip().lower() for name in rows.columns})
    named = next((name for name in TIME_COLUMNS if name in rows.columns), None)
    if named is None:
        raise HistoryInvalid("opened_at", f"is missing; one of {', '.join(TIME_COLUMNS)} is expected")
    times = rows[named]
    if times.dtype == pl.Date:
        times = times.cast(pl.Datetime("us"))
    elif times.dtype.is_integer():
        times = pl.from_epoch(times, time_unit="ms")
    candles = sound(rows.drop(named).with_columns(times.alias("opened_at")), timeframe)
    return candles.filter(pl.col("opened_at") + timeframe.delta <= now)


async def stored_candles(
    dsn: str, symbol: Symbol, timeframe: Timeframe, *, since: datetime | None
) -> pl.DataFrame:
    """The candles of the trading database from `since` on, with those before it that warm a strategy up."""
    pool = await open_pool(
        dsn, application_name="zmarty-replay", size_min=1, size_max=1, patience=TRADING_PATIENCE
    )
    try:
        first = None if since is None else since - WARM_UP_BARS * timeframe.delta
        candles = await candles_between(
            pool, symbol, timeframe, since=first, bars_max=BARS_MAX + WARM_UP_BARS
        )
    finally:
        await pool.close()
    return sound(candles, timeframe)


def parse_strategy(text: str) -> Strategy:
    """Read `signals`, `sma_cross` or `sma_cross:fast=10,slow=30`. Raises FieldInvalid naming the option."""
    name, _, options = text.partition(":")
    given: dict[str, Any] = {"name": name}
    for option in filter(None, options.split(",")):
        key, equals, value = option.partition("=")
        if not equals:
            raise FieldInvalid("strategy", f"{option} must be written as option=value")
        given[key.strip()] = value.strip()
    try:
        return strategy_of(given)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in ("strategy", *fault["loc"]))
        raise FieldInvalid(field, fault["msg"]) from error


def replay_candles(
    candles: pl.DataFrame,
    *,
    symbol: Symbol,
    timeframe: Timeframe,
    since: datetime | None,
    strategy: Strategy,
    trading: Trading,
    report: Callable[[float], None],
) -> Replayed:
    """Run the engine, telling `report` the share done. Raises NotEnoughData with both numbers."""
    start = since or (candles["opened_at"][0] if candles.height else datetime.now(UTC))
    answer = Answer()
    for share in analyze(History(candles, timeframe), question_of(strategy, trading, start), answer):
        report(share)
    report(1.0)
    document = json.loads(json.dumps(answer.document, default=str))
    numbered = answer.trades.with_row_index("number", offset=1)
    tested = answer.document["tested_until"] - answer.document["tested_from"]
    made = ReportDocument(
        **document,
        id=uuid4(),
        kind="report",
        symbol=symbol,
        timeframe=timeframe,
        report_type="performance",
        lookback_days=max(round(tested.total_seconds() / 86_400), 1),
        created_at=datetime.now(UTC),
        trades=numbered.tail(TRADES_SHOWN_MAX).reverse().to_dicts(),
        trades_count=answer.trades.height,
    )
    return Replayed(made, candles.height)


def write_report(replayed: Replayed, output: Path) -> None:
    """Write the report as one file that needs nothing else."""
    output.write_text(page_of_report(replayed.document, embedded=True), encoding="utf-8")


def table_of(document: ReportDocument) -> Table:
    """The statistics as people read them, each rate with its count and its interval."""
    told, chance = document.statistics, document.chance
    assert told is not None
    assert chance is not None
    table = Table(
        title=f"{document.symbol} {document.timeframe} · {document.strategy}",
        title_justify="left",
        title_style="bold",
        show_header=False,
    )
    for name, value in _rows(told):
        table.add_row(name, value)
    luck = (
        "–"
        if chance.percentile is None
        else f"beats {chance.percentile:.0%} of {chance.draws} random entries"
    )
    table.add_row("against luck", luck)
    return table


def sparkline(document: ReportDocument) -> str:
    """The equity curve in one line of characters."""
    values = [point.equity for point in document.curve]
    step = max(len(values) / SPARK_WIDTH, 1.0)
    taken = [
        values[min(int(place * step), len(values) - 1)] for place in range(min(SPARK_WIDTH, len(values)))
    ]
    low, span = min(taken), (max(taken) - min(taken)) or 1.0
    return "".join(SPARK[min(int((value - low) / span * len(SPARK)), len(SPARK) - 1)] for value in taken)


def _rows(told: Statistics) -> Iterator[tuple[str, str]]:
    yield (
        "trades",
        f"{told.n} ({told.n_effective:.0f} effective): {told.targets} target, {told.stops} stop, {told.expired} expiry, {told.open} open",
    )
    if told.win_rate is not None and told.win_rate_low is not None and told.win_rate_high is not None:
        yield "win rate", f"{told.win_rate:.1%} ({told.win_rate_low:.1%} – {told.win_rate_high:.1%})"
    yield "return after costs", f"{told.total_return:+.1%} (holding {told.hold_return:+.1%})"
    if told.expectancy is not None:
        yield "each trade", f"{told.expectancy:+.3%}, {told.expectancy_r or 0.0:+.2f} R"
    yield "profit factor", _number(told.profit_factor)
    yield "Sharpe, Sortino (a year)", f"{_number(told.sharpe)}, {_number(told.sortino)}"
    yield (
        "deepest fall",
        f"{told.max_drawdown:.1%}, longest {told.max_drawdown_days:.0f} days (holding {told.hold_max_drawdown:.1%})",
    )
    yield "in the market", f"{told.exposure:.1%} of {told.bars:,} bars"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
