import { ArrowDown, ArrowUp, Ellipsis, MessageSquareText, Trash2 } from "lucide-react";
import { useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { Button } from "~/components/Button";
import { Sparkline } from "~/components/charts/Sparkline";
import { Menu, MenuItem } from "~/components/Menu";
import { DirectionMark } from "~/components/SignalCard";
import { knownAt } from "~/components/signal";
import { Badge, Skeleton } from "~/components/states";
import { ago, dateTime, percent, price, signedPercent, symbolPath, whole } from "~/format";
import { changeOf, courseOf } from "~/market";
import { TIMEFRAME_WORDS } from "~/timeframes";
import { keyOf, type Market, type Order, statusOf } from "./market";
import style from "./markets.module.css";
import { SPARK_CANDLES } from "./watching";

interface Sorting {
  order: Order;
  isReversed: boolean;
  onOrder: (order: Order) => void;
}

export function MarketTable({
  markets,
  now,
  onRemove,
  ...sorting
}: { markets: readonly Market[]; now: Date; onRemove: (market: Market) => void } & Sorting) {
  return (
    <table className={style.table}>
      <caption className="visually-hidden">The symbols you watch</caption>
      <thead>
        <tr>
          <SortHead by="symbol" name="Symbol" {...sorting} />
          <SortHead by="change" name="Price" {...sorting} />
          <th scope="col">Last 48 candles</th>
          <SortHead by="signal" name="Last signal" {...sorting} />
          <SortHead by="win_rate" name="Win rate" {...sorting} />
          <th scope="col">State</th>
          <th scope="col">
            <span className="visually-hidden">What can be done</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {markets.map(market => (
          <MarketRow
            key={keyOf(market.watched)}
            market={market}
            now={now}
            onRemove={() => onRemove(market)}
          />
        ))}
      </tbody>
    </table>
  );
}

function SortHead({ by, name, ...sorting }: { by: Order; name: string } & Sorting) {
  const isHere = sorting.order === by;
  const isRising = isHere && (by === "symbol") !== sorting.isReversed;
  const Icon = isRising ? ArrowUp : ArrowDown;
  return (
    <th scope="col" aria-sort={isHere ? (isRising ? "ascending" : "descending") : undefined}>
      <button type="button" className={style.sort} onClick={() => sorting.onOrder(by)}>
        {name}
        <Icon size={13} aria-hidden data-shown={isHere || undefined} />
      </button>
    </th>
  );
}

export function MarketRow({ market, now, onRemove }: { market: Market; now: Date; onRemove: () => void }) {
  const { watched, signal, winRate } = market;
  const [, navigate] = useLocation();
  const name = keyOf(watched);
  return (
    <tr className={style.row} data-testid={`market-${symbolPath(watched.symbol)}-${watched.timeframe}`}>
      <td className={style.symbol}>
        <Link className={style.link} href={`/markets/${symbolPath(watched.symbol)}/${watched.timeframe}`}>
          {watched.symbol.split("/")[0]}
          <span className={style.quote}>/{watched.symbol.split("/")[1]}</span>
        </Link>
        <span className={style.timeframe} title={`Candles of ${TIMEFRAME_WORDS[watched.timeframe]}`}>
          {watched.timeframe}
        </span>
      </td>
      <PriceCell market={market} />
      <CourseCell market={market} />
      <td className={style.signal}>
        {signal === undefined ? (
          <Waiting market={market} />
        ) : signal === null ? (
          <span className="muted small">No signal yet</span>
        ) : (
          <>
            <span className={style.line}>
              <DirectionMark direction={signal.direction} />
              <span className={style.strength} title="Strength, 0 to 100">
                <span className={style.bar} aria-hidden>
                  <span style={{ width: `${signal.strength}%` }} data-direction={signal.direction} />
                </span>
                <span className="visually-hidden">Strength </span>
                <span className="num">{whole(signal.strength)}</span>
              </span>
            </span>
            <time
              className={style.under}
              dateTime={knownAt(signal).toISOString()}
              title={dateTime(knownAt(signal))}
            >
              {ago(knownAt(signal), now)}
            </time>
          </>
        )}
      </td>
      <td className={style.rate}>
        {winRate === undefined ? (
          <Waiting market={market} />
        ) : winRate === null || winRate.rate === null ? (
          <span className="muted small">Too few ended</span>
        ) : (
          <>
            <span className="num">{percent(winRate.rate, 0)}</span>
            <span
              className={`${style.under} num`}
              title={`95 % interval, ${winRate.horizon} horizon, ${winRate.lookback_days} days`}
            >
              {winRate.low !== null && winRate.high !== null && (
                <>
                  {percent(winRate.low, 0)}–{percent(winRate.high, 0)} ·{" "}
                </>
              )}
              n {whole(winRate.n)}
            </span>
          </>
        )}
      </td>
      <td className={style.state}>
        <State market={market} now={now} />
      </td>
      <td className={style.menu}>
        <Menu
          trigger={
            <Button kind="quiet" isIcon aria-label={`What can be done with ${name}`}>
              <Ellipsis size={18} aria-hidden />
            </Button>
          }
        >
          <MenuItem onSelect={() => navigate(`/chat?symbol=${encodeURIComponent(watched.symbol)}`)}>
            <MessageSquareText size={16} aria-hidden />
            Ask about it
          </MenuItem>
          <MenuItem onSelect={onRemove}>
            <Trash2 size={16} aria-hidden />
            Stop watching
          </MenuItem>
        </Menu>
      </td>
    </tr>
  );
}

function PriceCell({ market }: { market: Market }) {
  const { watched, candles } = market;
  const newest = candles && courseOf(candles).at(-1);
  const change = candles && changeOf(candles, watched.timeframe);
  return (
    <td className={style.price}>
      {candles === undefined ? (
        <Waiting market={market} />
      ) : newest ? (
        <>
          <Figure value={newest.close} />
          {change && (
            <span
              className={`${style.under} num`}
              data-sign={Math.sign(change.share)}
              title={`Within ${change.over}`}
            >
              {change.share !== 0 &&
                (change.share > 0 ? (
                  <ArrowUp size={12} aria-label="up" />
                ) : (
                  <ArrowDown size={12} aria-label="down" />
                ))}
              {signedPercent(change.share, 2)}
              <span className={style.span}>{change.over}</span>
            </span>
          )}
        </>
      ) : (
        <span className="muted">–</span>
      )}
    </td>
  );
}

function CourseCell({ market: { watched, candles } }: { market: Market }) {
  const course = candles ? courseOf(candles).slice(-SPARK_CANDLES) : [];
  const first = course[0]?.close ?? 0;
  const last = course.at(-1)?.close ?? 0;
  return (
    <td className={style.course}>
      {course.length > 1 && (
        <Sparkline
          values={course.map(candle => candle.close)}
          label={`${keyOf(watched)}: ${course.length} candles from ${price(first)} to ${price(last)}`}
          width={132}
          height={36}
          isFilled
        />
      )}
    </td>
  );
}

/** A number that lights up for a moment when it moves. */
function Figure({ value }: { value: number }) {
  const before = useRef(value);
  const moved = Math.sign(value - before.current);
  useEffect(() => {
    before.current = value;
  }, [value]);
  return (
    <span key={value} className={`${style.figure} num`} data-moved={moved || undefined}>
      {price(value)}
    </span>
  );
}

function State({ market, now }: { market: Market; now: Date }) {
  const { health, word, tone, text } = statusOf(market, now);
  return (
    <span className={style.health} title={text} data-health={health}>
      <Badge tone={tone}>
        {(health === "pending" || health === "empty") && <span className={style.pulse} aria-hidden />}
        {word}
      </Badge>
      <span className={health === "well" ? "visually-hidden" : style.advice}>
        {health === "parked" || health === "late" || health === "unknown" ? (
          text
        ) : (
          <span className="visually-hidden">{text}</span>
        )}
      </span>
    </span>
  );
}

/** A cell that has nothing yet: of its size while it loads, a dash when its data cannot be read. */
function Waiting({ market }: { market: Pick<Market, "error"> }) {
  return market.error ? <span className="muted">–</span> : <Skeleton width="5rem" height="2.25rem" />;
}
