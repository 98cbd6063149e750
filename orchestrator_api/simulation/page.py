"""A report as a page: figures, equity curve and drawdown as drawings in the page, and the trades. No scripts. Pure.

Every number is set into the page as text or as coordinates; whatever a user can have written is escaped. The same page is
served by the API, with its style sheets linked, and written by `zmarty replay`, with them inside.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
from html import escape
from importlib.resources import files

from orchestrator_api.simulation.rows import (
    Counted,
    CurvePoint,
    ReportDocument,
    RiskAssessment,
    Statistics,
    TradeRow,
)

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
STYLES = ("look.css", "report.css")

# The drawings' own units; they are stretched to the width of the page.
WIDTH, HEIGHT, FALL_HEIGHT = 1_000.0, 300.0, 90.0
NOTHING = "–"


def page_of_report(document: ReportDocument, *, note: str = "", embedded: bool = False) -> str:
    """The whole page. `embedded` puts the style sheets into it, so that the file stands alone."""
    title = f"{document.symbol} {document.timeframe} · report"
    return "".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f"<title>{escape(title)} · Zmarty</title>\n",
            _embedded_styles() if embedded else _linked_styles(),
            "</head>\n<body>\n",
            '<header class="bar"><span class="brand">',
            "" if embedded else '<img src="/pages/mark.svg" alt="">',
            'Zmarty</span></header>\n<main class="report">\n',
            *_body(document, note),
            "</main>\n</body>\n</html>\n",
        ]
    )


def _body(document: ReportDocument, note: str) -> Iterator[str]:
    yield from _head(document, note)
    if document.statistics is not None:
        yield from _tiles(document)
        if document.curve:
            yield from _curves(document.curve)
        yield _figures(document.statistics)
    if document.directions is not None:
        yield _rates("Longs and shorts of the replay", document.directions)
    if document.win_rates is not None:
        yield _rates("Every plan judged by itself", document.win_rates)
    if document.risk is not None:
        for direction, risk in document.risk.items():
            yield _risk(direction, risk)
    if document.statistics is not None:
        yield _trades(document.trades, document.trades_count)
    yield _words()


def _head(document: ReportDocument, note: str) -> Iterator[str]:
    said = [f"{document.lookback_days} days on {document.timeframe} candles", document.report_type]
    if document.tested_from and document.tested_until:
        said.insert(0, f"{_day(document.tested_from)} – {_day(document.tested_until)}")
    if document.strategy:
        said.append(f"strategy {document.strategy}")
    yield f'<div class="title"><h1>{escape(document.symbol)}</h1><p class="soft">{escape(" · ".join(said))}</p></div>\n'
    if note:
        yield f'<p class="notice warn">{escape(note)}</p>\n'


def _tiles(document: ReportDocument) -> Iterator[str]:
    told = document.statistics
    assert told is not None
    yield '<div class="figures">'
    yield _tile(
        "Return after costs",
        _percent(told.total_return, sign=True),
        f"holding {_percent(told.hold_return, sign=True)}",
        good=told.total_return >= 0,
    )
    yield _tile(
        "Win rate",
        _percent(told.win_rate),
        f"{_percent(told.win_rate_low)} – {_percent(told.win_rate_high)}, n {told.n} ({told.n_effective:.0f} effective)",
    )
    if document.chance is not None:
        percentile = document.chance.percentile
        yield _tile(
            "Against luck",
            _percent(percentile, digits=0),
            f"of {document.chance.draws:,} random entries beaten; 50 % is luck",
        )
    yield _tile(
        "Deepest fall",
        _percent(-told.max_drawdown),
        f"longest {told.max_drawdown_days:.0f} days; holding {_percent(-told.hold_max_drawdown)}",
    )
    yield _tile("Sharpe", _number(told.sharpe), f"Sortino {_number(told.sortino)}, a year")
    yield _tile(
        "Each trade",
        _percent(told.expectancy, sign=True, digits=2),
        f"profit factor {_number(told.profit_factor)}",
    )
    yield "</div>\n"


def _tile(name: str, value: str, beside: str, *, good: bool | None = None) -> str:
    mood = "" if good is None else " good" if good else " bad"
    return (
        f'<div class="panel figure-tile"><span class="soft small">{escape(name)}</span>'
        f'<b class="{mood.strip()}">{escape(value)}</b><span class="soft small">{escape(beside)}</span></div>'
    )


def _curves(curve: Sequence[CurvePoint]) -> Iterator[str]:
    values = [value for point in curve for value in (point.equity, point.hold)]
    low, high = min(values), max(values)
    deepest = max((point.drawdown for point in curve), default=0.0) or 1e-9
    yield '<section class="panel curve"><header><h2>Equity</h2>'
    yield '<span class="key equity">this replay</span><span class="key hold">holding</span></header>'
    yield f'<div class="plot"><div class="scale soft small"><span>{_money(high)}</span><span>{_money((low + high) / 2)}</span><span>{_money(low)}</span></div>'
    yield (
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="Equity from {_money(curve[0].equity)} to {_money(curve[-1].equity)}">'
    )
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield f'<line x1="0" x2="{WIDTH:.0f}" y1="{HEIGHT * share:.1f}" y2="{HEIGHT * share:.1f}"/>'
    span = high - low or 1.0

    def height_of(value: float) -> float:
        return HEIGHT * (1.0 - (value - low) / span)

    yield f'<polyline class="hold" points="{_points([point.hold for point in curve], height_of)}"/>'
    yield f'<polyline class="equity" points="{_points([point.equity for point in curve], height_of)}"/>'
    yield "</svg></div>"
    yield f'<h3 class="soft small">Below the highest until then, deepest {_percent(-deepest)}</h3>'
    fallen = _points([point.drawdown for point in curve], lambda value: FALL_HEIGHT * value / deepest)
    yield (
        f'<div class="plot"><div class="scale soft small"><span>0 %</span><span>{_percent(-deepest)}</span></div>'
        f'<svg class="fall" viewBox="0 0 {WIDTH:.0f} {FALL_HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="Drawdown, at most {_percent(deepest)}">'
        f'<polygon points="0,0 {fallen} {WIDTH:.0f},0"/><polyline points="{fallen}"/></svg></div>'
    )
    middle = curve[len(curve) // 2].closed_at
    yield f'<div class="times soft small"><span>{_day(curve[0].closed_at)}</span><span>{_day(middle)}</span><span>{_day(curve[-1].closed_at)}</span></div></section>\n'


def _points(values: Sequence[float], height_of: Callable[[float], float]) -> str:
    step = WIDTH / max(len(values) - 1, 1)
    return " ".join(f"{step * place:.1f},{height_of(value):.1f}" for place, value in enumerate(values))


def _figures(told: Statistics) -> str:
    rows = [
        (
            "Trades",
            f"{told.n}: {told.targets} at the target, {told.stops} at the stop, {told.expired} expired, {told.open} open",
        ),
        ("Longs, shorts", f"{told.longs}, {told.n - told.longs}"),
        ("Earned after costs", f"{_percent(told.profitable)} of trades"),
        (
            "Best, worst trade",
            f"{_percent(told.best, sign=True, digits=2)}, {_percent(told.worst, sign=True, digits=2)}",
        ),
        ("Mean in R", _number(told.expectancy_r)),
        (
            "Way for, against (mean)",
            f"{_percent(told.mean_mfe, digits=2)}, {_percent(told.mean_mae, digits=2)}",
        ),
        ("Held for (mean)", NOTHING if told.mean_bars is None else f"{told.mean_bars:.1f} bars"),
        ("In the market", f"{_percent(told.exposure)} of {told.bars:,} bars"),
        ("A year", _percent(told.cagr, sign=True)),
        ("Equity", f"{_money(told.equity_start)} → {_money(told.equity_end)}"),
    ]
    return '<section class="panel"><header><h2>In numbers</h2></header>' + _facts(rows) + "</section>\n"


def _rates(title: str, counted: dict[str, Counted]) -> str:
    rows = [
        (
            name,
            f"{one.n} ({one.n_effective:.0f})",
            _percent(one.rate),
            NOTHING if one.low is None else f"{_percent(one.low)} – {_percent(one.high)}",
            _percent(one.baseline),
            _percent(one.expectancy, sign=True, digits=2),
            _number(one.profit_factor),
        )
        for name, one in counted.items()
    ]
    heads = ("", "n (effective)", "win rate", "95 % interval", "luck", "each", "profit factor")
    return _table(title, heads, rows)


def _risk(direction: str, risk: RiskAssessment) -> str:
    rows = [
        (
            "Plan",
            f"entry {_price(risk.plan.entry)}, stop {_price(risk.plan.stop)}, target {_price(risk.plan.target)}",
        ),
        (
            "Stop first",
            f"{_percent(risk.stop_first.probability)} ({_percent(risk.stop_first.low)} – {_percent(risk.stop_first.high)}), n {risk.n} ({risk.n_effective:.0f} effective)",
        ),
        (
            "Target first",
            f"{_percent(risk.target_first.probability)} ({_percent(risk.target_first.low)} – {_percent(risk.target_first.high)})",
        ),
        ("Mean after costs", _percent(risk.expectancy, sign=True, digits=2)),
        (
            "Loss of the worst 5 %, 1 %",
            f"from {_percent(risk.value_at_risk_95, digits=2)}, {_percent(risk.value_at_risk_99, digits=2)}; "
            f"mean {_percent(risk.expected_shortfall_95, digits=2)}, {_percent(risk.expected_shortfall_99, digits=2)}",
        ),
        (
            f"Against the entry within {risk.horizon}",
            ", ".join(
                f"{share} %: {_percent(way, digits=1)}" for share, way in risk.adverse_quantiles.items()
            ),
        ),
        (
            "Liquidated, by leverage",
            ", ".join(f"{one.leverage:.0f}x {_percent(one.liquidated, digits=1)}" for one in risk.leverage),
        ),
    ]
    return f'<section class="panel"><header><h2>Risk of a {escape(direction)}</h2></header>{_facts(rows)}</section>\n'


def _trades(trades: Sequence[TradeRow], count: int) -> str:
    rows = [
        (
            str(trade.number),
            trade.direction,
            _moment(trade.entered_at),
            _price(trade.paid_price),
            _moment(trade.exited_at),
            _price(trade.exit_price),
            trade.reason + (" (both)" if trade.ambiguous else ""),
            _percent(trade.return_net, sign=True, digits=2),
            f"{trade.r_multiple:+.2f}",
            _percent(trade.mae, digits=2),
        )
        for trade in trades
    ]
    title = f"Trades, newest first ({len(rows)} of {count})" if count else "No trades"
    heads = ("#", "", "in", "at", "out", "at", "by", "return", "R", "against")
    return _table(title, heads, rows)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-label="{escape(name)}"{_mood(cell)}>{escape(cell)}</td>'
            for name, cell in zip(heads, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    table = f'<div class="wide"><table class="cards"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    return (
        f'<section class="panel"><header><h2>{escape(title)}</h2></header>{table if rows else ""}</section>\n'
    )


def _mood(cell: str) -> str:
    if not cell.endswith("%") or cell[0] not in "+−":
        return ""
    return ' class="good"' if cell[0] == "+" else ' class="bad"'


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    return (
        '<dl class="facts-list">'
        + "".join(
            f'<div><dt class="soft">{escape(name)}</dt><dd>{escape(value)}</dd></div>' for name, value in rows
        )
        + "</dl>"
    )


def _words() -> str:
    return (
        '<p class="soft small words">Entered at the open after the signal; a bar that holds both stop and target counts as '
        "stop; a gap fills at its open; fees and slippage of both sides are in every return. Intervals are Wilson's, 95 %, on "
        "the effective number of trades. Sharpe and Sortino rest on daily returns, a year, without a risk-free rate. What "
        "was earned in the past may not be earned again.</p>\n"
    )


def _percent(value: float | None, *, sign: bool = False, digits: int = 1) -> str:
    if value is None:
        return NOTHING
    text = f"{100 * value:+.{digits}f} %" if sign else f"{100 * value:.{digits}f} %"
    return text.replace("-", "−")


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}".replace("-", "−")


def _money(value: float) -> str:
    return f"{value:,.0f}"


def _price(value: float) -> str:
    return f"{value:,.6g}" if value < 1_000 else f"{value:,.2f}"


def _day(when: datetime) -> str:
    return f"{when:%Y-%m-%d}"


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"


def _linked_styles() -> str:
    return "".join(f'<link rel="stylesheet" href="/pages/{name}">\n' for name in STYLES)


@cache
def _embedded_styles() -> str:
    folder = files("orchestrator_api.pages").joinpath("files")
    return "".join(
        f"<style>\n{folder.joinpath(name).read_text(encoding='utf-8')}</style>\n" for name in STYLES
    )
