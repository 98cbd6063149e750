import type { SignalRow } from "@zmarty/client";
import { Button } from "~/components/Button";
import { SignalCard, SignalCardSkeleton } from "~/components/SignalCard";
import { winRateFor } from "~/components/signal";
import { Empty, Trouble } from "~/components/states";
import { dateTime, decimal, price, signed } from "~/format";
import { NARROW, useMedia } from "./Panel";
import { reasoningOf } from "./record";
import style from "./symbol.module.css";
import { type Pair, useWinRates } from "./useSymbol";

interface Props {
  pair: Pair;
  /** undefined: not known yet; null: there is none. */
  signal: SignalRow | null | undefined;
  isNewest: boolean;
  error: Error | null;
  onRetry: () => void;
  onNewest: () => void;
}

/** One signal with all that stands behind it: the newest, or one that was picked from the past. */
export function SignalPanel({ pair, signal, isNewest, error, onRetry, onNewest }: Props) {
  const winRates = useWinRates(pair);
  return (
    <section className={style.signal} aria-label={isNewest ? "Newest signal" : "Picked signal"}>
      <div className={style.signalHead}>
        <h2 aria-live="polite">{isNewest ? "Newest signal" : "Earlier signal"}</h2>
        {!isNewest && (
          <Button size="small" kind="quiet" onClick={onNewest}>
            Back to the newest
          </Button>
        )}
      </div>
      {signal ? (
        <SignalCard
          signal={signal}
          winRate={
            signal.direction === "flat" || !winRates.data ? undefined : winRateFor(winRates.data, signal)
          }
          isLinked={false}
        >
          <Reasons signal={signal} />
        </SignalCard>
      ) : error ? (
        <Trouble error={error} onRetry={onRetry} />
      ) : signal === undefined ? (
        <SignalCardSkeleton />
      ) : (
        <Empty title="No signal yet">The first one comes with the next candle.</Empty>
      )}
    </section>
  );
}

function Reasons({ signal }: { signal: SignalRow }) {
  const isNarrow = useMedia(NARROW);
  const { supports, against, context } = reasoningOf(signal);
  const [target] = signal.targets;
  return (
    <div className={style.reasons}>
      <Listed title={signal.direction === "flat" ? "Why no trade" : "What speaks for it"} items={supports} />
      <Listed title="What speaks against it" items={against} />
      {signal.direction !== "flat" && target !== undefined && signal.stop_price !== null && (
        <div>
          <h3>It is wrong if</h3>
          <ul>
            <li>
              the price {signal.direction === "long" ? "falls" : "rises"} to{" "}
              <span className="num">{price(signal.stop_price)}</span> before it reaches{" "}
              <span className="num">{price(target)}</span>, or
            </li>
            <li>neither happens until {dateTime(signal.expires_at)}.</li>
          </ul>
        </div>
      )}
      {signal.expected_value !== null && signal.risk_reward !== null && (
        <dl className={style.pairs}>
          <div>
            <dt>Reward to risk</dt>
            <dd className="num">{decimal(signal.risk_reward, 2)}</dd>
          </div>
          <div>
            <dt>Expected, after costs</dt>
            <dd className="num">{signed(signal.expected_value * 100, 2)} %</dd>
          </div>
        </dl>
      )}
      {context.length > 0 && (
        <details open={signal.direction === "flat" && !isNarrow}>
          <summary>More behind it</summary>
          <ul>
            {context.map(text => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Listed({ title, items }: { title: string; items: string[] }) {
  if (items.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <ul>
        {items.map(text => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </div>
  );
}
