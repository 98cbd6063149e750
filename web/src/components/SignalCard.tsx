import type { SignalRow, WinRateRow } from "@zmarty/client";
import { ArrowDownRight, ArrowUpRight, Minus } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { ago, dateTime, percent, price, signed, symbolPath, whole } from "~/format";
import style from "./SignalCard.module.css";
import { endingOf, hasExpired, knownAt, type Level, levelsOf, type ShownSignal, verdictOf } from "./signal";
import { Badge, Skeleton } from "./states";

const DIRECTIONS = {
  long: { word: "Long", Icon: ArrowUpRight },
  short: { word: "Short", Icon: ArrowDownRight },
  flat: { word: "Flat", Icon: Minus },
} as const;

/** The direction as an arrow and a word; its colour only helps. */
export function DirectionMark({ direction }: { direction: SignalRow["direction"] }) {
  const { word, Icon } = DIRECTIONS[direction];
  return (
    <span className={style.direction} data-direction={direction}>
      <Icon size={16} strokeWidth={2.4} aria-hidden />
      {word}
    </span>
  );
}

interface Props {
  signal: ShownSignal;
  /** Its record: "loading" keeps its place, undefined where it is not wanted, null when there is none yet. */
  winRate?: WinRateRow | null | "loading" | undefined;
  isCompact?: boolean;
  /** Whether the symbol leads to its page. */
  isLinked?: boolean;
  /** What else belongs to it, at its end. */
  children?: ReactNode;
}

/** One signal as everybody shows it. */
export function SignalCard({ signal, winRate, isCompact = false, isLinked = true, children }: Props) {
  const levels = levelsOf(signal);
  const name = `${signal.symbol} ${signal.timeframe}`;
  const verdict = verdictOf(signal.verdict);
  const ending = endingOf(signal);
  return (
    <article
      className={style.card}
      data-compact={isCompact || undefined}
      data-direction={signal.direction}
      data-testid="signal-card"
      aria-label={`Signal of ${name}`}
    >
      <header className={style.head}>
        {isLinked ? (
          <Link className={style.name} href={`/markets/${symbolPath(signal.symbol)}/${signal.timeframe}`}>
            {signal.symbol} <span className={style.timeframe}>{signal.timeframe}</span>
          </Link>
        ) : (
          <span className={style.name}>
            {signal.symbol} <span className={style.timeframe}>{signal.timeframe}</span>
          </span>
        )}
        <DirectionMark direction={signal.direction} />
        <span className={style.badges}>
          {ending && <Badge tone={ending.tone}>{ending.word}</Badge>}
          <Badge tone={verdict.tone}>{verdict.word}</Badge>
        </span>
      </header>
      <Strength signal={signal} />
      {levels.length > 0 ? (
        isCompact ? (
          <Track levels={levels} />
        ) : (
          <Ladder levels={levels} />
        )
      ) : (
        <p className={style.quiet}>
          Price <span className="num">{price(signal.entry_price)}</span>. No trade: no entry, no stop.
        </p>
      )}
      {winRate === "loading" ? (
        <Skeleton height="1.25rem" width="75%" />
      ) : (
        winRate !== undefined && <WinRate row={winRate} isCompact={isCompact} />
      )}
      <Times signal={signal} />
      {children}
    </article>
  );
}

function Strength({ signal }: { signal: ShownSignal }) {
  return (
    <div className={style.strength}>
      <span className={style.label}>Strength</span>
      <span className={style.bar} aria-hidden>
        <span style={{ width: `${signal.strength}%` }} />
      </span>
      <span className="num">{whole(signal.strength)}</span>
      {signal.confidence !== null && (
        <span className={style.confidence} title="How likely the first target comes before the stop">
          Confidence <span className={`num ${style.sure}`}>{percent(signal.confidence, 0)}</span>
        </span>
      )}
    </div>
  );
}

function Ladder({ levels }: { levels: Level[] }) {
  return (
    <dl className={style.ladder}>
      {levels.map(level => (
        <div key={level.name} className={style.step} data-kind={level.kind}>
          <dt>{level.name}</dt>
          <dd className="num">{price(level.price)}</dd>
          <dd className={`num ${style.distance}`}>
            {level.kind === "entry" ? "" : `${signed(level.distance * 100, 2)} %`}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** The ladder on its side: levels to scale, with the prices that matter most below. */
function Track({ levels }: { levels: Level[] }) {
  const shown = levels.filter(level => level.name !== "Target 2" && level.name !== "Target 3").reverse();
  const entry = levels.find(level => level.kind === "entry")?.place ?? 0;
  const stop = levels.find(level => level.kind === "stop")?.place ?? entry;
  return (
    <div>
      <div className={style.track} aria-hidden>
        <span
          className={style.risked}
          style={{ left: `${Math.min(entry, stop) * 100}%`, width: `${Math.abs(entry - stop) * 100}%` }}
        />
        {levels.map(level => (
          <span
            key={level.name}
            className={style.tick}
            data-kind={level.kind}
            style={{ left: `${level.place * 100}%` }}
          />
        ))}
      </div>
      <dl className={style.prices}>
        {shown.map(level => (
          <div key={level.name} data-kind={level.kind}>
            <dt>{level.name}</dt>
            <dd className="num">{price(level.price)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function WinRate({ row, isCompact }: { row: WinRateRow | null; isCompact: boolean }) {
  if (row === null || row.rate === null) {
    return <p className={style.quiet}>No win rate yet: too few signals have ended.</p>;
  }
  const interval = row.low !== null && row.high !== null && (
    <span className={style.interval}>
      {percent(row.low, 0)}–{percent(row.high, 0)}
    </span>
  );
  return (
    <div className={style.winRate}>
      <p>
        <span className={style.label}>Win rate</span> <strong className="num">{percent(row.rate, 0)}</strong>{" "}
        <span
          className={`num ${style.muted}`}
          title={`95 % interval; ${row.horizon} horizon, ${row.lookback_days} days`}
        >
          {interval} · n {whole(row.n)}
        </span>
      </p>
      {!isCompact && row.low !== null && row.high !== null && (
        <div className={style.scale} aria-hidden>
          <span
            className={style.range}
            style={{ left: `${row.low * 100}%`, width: `${(row.high - row.low) * 100}%` }}
          />
          <span className={style.point} style={{ left: `${row.rate * 100}%` }} />
          {row.baseline !== null && (
            <span className={style.baseline} style={{ left: `${row.baseline * 100}%` }} />
          )}
        </div>
      )}
      {!isCompact && row.baseline !== null && (
        <p className={style.muted}>
          Random entries: <span className="num">{percent(row.baseline, 0)}</span>
        </p>
      )}
    </div>
  );
}

function Times({ signal }: { signal: ShownSignal }) {
  const known = knownAt(signal);
  const expired = hasExpired(signal);
  return (
    <footer className={style.times}>
      <time dateTime={known.toISOString()} title={dateTime(known)}>
        {ago(known)}
      </time>
      <span aria-hidden>·</span>
      <time dateTime={signal.expires_at} title={dateTime(signal.expires_at)}>
        {expired ? "expired" : "expires"} {ago(signal.expires_at)}
      </time>
    </footer>
  );
}

/** Of the card's size, while it loads. */
export function SignalCardSkeleton({ isCompact = false }: { isCompact?: boolean }) {
  return (
    <div
      className={style.card}
      data-compact={isCompact || undefined}
      role="status"
      aria-label="Loading a signal"
    >
      <Skeleton height="1.25rem" width="70%" />
      <Skeleton height="1rem" />
      <Skeleton height={isCompact ? "3.1rem" : "7rem"} />
      {!isCompact && <Skeleton height="2.5rem" />}
      <Skeleton height="1rem" width="55%" />
    </div>
  );
}
