import type { CandleRow, SignalRow, WatchedSymbol } from "@zmarty/client";
import {
  ArrowDownRight,
  ArrowUpRight,
  Eye,
  EyeOff,
  LoaderCircle,
  MessageSquareText,
  Minus,
  Plus,
} from "lucide-react";
import { useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { Button, buttonClass } from "~/components/Button";
import { Menu, MenuItem } from "~/components/Menu";
import { Segments } from "~/components/Segments";
import { DirectionMark } from "~/components/SignalCard";
import { knownAt } from "~/components/signal";
import { Badge } from "~/components/states";
import { ago, dateTime, percent, price, symbolPath } from "~/format";
import { useLiveState } from "~/live/LiveProvider";
import { changeOf, freshnessOf } from "~/market";
import { TIMEFRAME_WORDS, type Timeframe } from "~/timeframes";
import { words } from "./chartData";
import { timeframesOf } from "./pair";
import style from "./symbol.module.css";
import { type Pair, useRunningJobs, useWatching } from "./useSymbol";

const TICK_MS = 15_000;

export function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** The question that the chat is opened with. */
export function questionAbout({ symbol, timeframe }: Pair): string {
  return `What do you think of ${symbol} on ${timeframe} right now?`;
}

/** What can be done with the pair: another timeframe, a question, watching it or not. */
export function Actions({ pair, watched }: { pair: Pair; watched: readonly WatchedSymbol[] }) {
  const [, go] = useLocation();
  const { watch, unwatch } = useWatching();
  const { symbol, timeframe } = pair;
  const known = timeframesOf(watched, symbol);
  const isWatched = known.watched.includes(timeframe);
  const shown = isWatched ? known.watched : [...known.watched, timeframe];
  const others = known.others.filter(other => other !== timeframe);
  const open = (other: Timeframe) => go(`/markets/${symbolPath(symbol)}/${other}`);
  const watchOther = (other: Timeframe) =>
    watch.mutate({ symbol, timeframe: other }, { onSuccess: () => open(other) });
  return (
    <div className={style.actions}>
      <div className={style.timeframes}>
        <Segments
          label="Timeframe"
          value={timeframe}
          options={shown.map(value => ({ value, label: value }))}
          onChange={open}
        />
        {others.length > 0 && (
          <Menu
            trigger={
              <Button kind="quiet" isIcon aria-label="Watch another timeframe" isBusy={watch.isPending}>
                <Plus size={18} aria-hidden />
              </Button>
            }
          >
            {others.map(other => (
              <MenuItem key={other} onSelect={() => watchOther(other)}>
                Watch {TIMEFRAME_WORDS[other]}
              </MenuItem>
            ))}
          </Menu>
        )}
      </div>
      {isWatched ? (
        <Button kind="quiet" isBusy={unwatch.isPending} onClick={() => unwatch.mutate(pair)}>
          {!unwatch.isPending && <EyeOff size={16} aria-hidden />}
          Stop watching
        </Button>
      ) : (
        <Button kind="primary" isBusy={watch.isPending} onClick={() => watch.mutate(pair)}>
          {!watch.isPending && <Eye size={16} aria-hidden />}
          Watch
        </Button>
      )}
      <Link
        href={`/chat?ask=${encodeURIComponent(questionAbout(pair))}`}
        className={buttonClass({ kind: isWatched ? "primary" : "secondary" })}
      >
        <MessageSquareText size={16} aria-hidden />
        Ask about it
      </Link>
    </div>
  );
}

/** The price and how new all of it is. */
export function Status({
  pair,
  rows,
  signal,
  mirror,
}: {
  pair: Pair;
  rows: readonly CandleRow[];
  signal: SignalRow | null | undefined;
  mirror: WatchedSymbol["mirror"]["state"] | undefined;
}) {
  const now = useNow();
  const line = useLiveState();
  const jobs = useRunningJobs(pair.symbol);
  const last = rows.at(-1);
  if (!last) return null;
  const change = changeOf(rows, pair.timeframe);
  const freshness = freshnessOf(last, pair.timeframe, now);
  const direction = change === null || change.share === 0 ? "flat" : change.share > 0 ? "long" : "short";
  const Icon = direction === "long" ? ArrowUpRight : direction === "short" ? ArrowDownRight : Minus;
  return (
    <div className={style.status}>
      <p className={style.price}>
        <strong className="num" data-testid="last-price">
          {price(last.close)}
        </strong>
        {change && (
          <span className={`num ${style.tinted} ${style.change}`} data-direction={direction}>
            <Icon size={16} aria-hidden />
            <span className="visually-hidden">
              {direction === "long" ? "up" : direction === "short" ? "down" : "unchanged"}{" "}
            </span>
            {percent(Math.abs(change.share), 2)}
            <span className="muted small">{change.over}</span>
          </span>
        )}
      </p>
      <ul className={style.facts}>
        <li>
          <span
            className={style.pulse}
            data-state={freshness.isLate ? "late" : line === "live" ? "live" : "off"}
            aria-hidden
          />
          {freshness.isLate ? (
            <Badge tone="warn">Candles are late</Badge>
          ) : (
            <span className="visually-hidden">Up to date:</span>
          )}
          <time dateTime={last.closed_at} title={dateTime(last.closed_at)}>
            Candle closed {ago(last.closed_at, now)}
          </time>
          {!freshness.isLate && freshness.nextAt > now && (
            <span className="muted">next {ago(freshness.nextAt, now)}</span>
          )}
        </li>
        {signal && (
          <li>
            Signal <DirectionMark direction={signal.direction} />
            <time dateTime={signal.opened_at} className="muted">
              {ago(knownAt(signal), now)}
            </time>
          </li>
        )}
        {mirror === "pending" && <li>Being set up</li>}
        {(jobs.data ?? []).map(job => (
          <li key={job.id}>
            <LoaderCircle className={style.turning} size={14} aria-hidden />
            {words(job.kind)} {percent(job.progress, 0)}
          </li>
        ))}
      </ul>
    </div>
  );
}
