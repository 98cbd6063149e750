import type { Outcome, SignalRow } from "@zmarty/client";
import { ChartCandlestick } from "lucide-react";
import { useState } from "react";
import { Button } from "~/components/Button";
import { Segments } from "~/components/Segments";
import { DirectionMark } from "~/components/SignalCard";
import { verdictOf } from "~/components/signal";
import { Badge, Empty, SkeletonRows, type Tone, Trouble } from "~/components/states";
import { Table } from "~/components/table";
import { dateTime, percent, price, signed } from "~/format";
import { shortTime } from "./chartData";
import { horizonName, horizonsOf, outcomeAt } from "./record";
import style from "./symbol.module.css";

const FIRST_ROWS = 8;
const MORE_ROWS = 20;
const SIDES = [
  { value: "all", label: "All" },
  { value: "long", label: "Long" },
  { value: "short", label: "Short" },
] as const;
type Side = (typeof SIDES)[number]["value"];

const ENDINGS: Record<string, { word: string; tone: Tone }> = {
  target: { word: "Target", tone: "good" },
  stop: { word: "Stop", tone: "bad" },
  expiry: { word: "Ran out", tone: "flat" },
};

interface Props {
  /** Oldest first; undefined: not known yet. */
  signals: readonly SignalRow[] | undefined;
  hasOlder: boolean;
  /** The last time that older ones were asked for, none came. */
  olderFailed: boolean;
  shownId: string | null;
  error: Error | null;
  onRetry: () => void;
  onOlder: () => Promise<void>;
  onShow: (signal: SignalRow) => void;
}

/** What became of earlier signals, newest first. Flat ones proposed nothing and are left out. */
export function PastSignals({
  signals,
  hasOlder,
  olderFailed,
  shownId,
  error,
  onRetry,
  onOlder,
  onShow,
}: Props) {
  const [side, setSide] = useState<Side>("all");
  const [horizon, setHorizon] = useState<string | null>(null);
  const [count, setCount] = useState(FIRST_ROWS);
  const [isLoading, setLoading] = useState(false);
  if (!signals)
    return error ? <Trouble error={error} onRetry={onRetry} /> : <SkeletonRows rows={FIRST_ROWS} />;

  const horizons = horizonsOf(signals);
  const chosen = horizon ?? horizons[0] ?? "24h";
  const found = signals
    .filter(signal => signal.direction !== "flat" && (side === "all" || signal.direction === side))
    .reverse();
  const more = async () => {
    setCount(count + MORE_ROWS);
    if (found.length > count + MORE_ROWS || !hasOlder) return;
    setLoading(true);
    await onOlder();
    setLoading(false);
  };
  return (
    <div className={`${style.stack} ${style.tight}`}>
      <div className={style.choices}>
        <Segments label="Direction" value={side} options={SIDES} onChange={setSide} />
        {horizons.length > 1 && (
          <Segments
            label="Judged after"
            value={chosen}
            options={horizons.map(value => ({ value, label: horizonName(value) }))}
            onChange={setHorizon}
          />
        )}
      </div>
      {found.length === 0 ? (
        <Empty title="No such signals yet">
          {hasOlder
            ? "There may be some further back."
            : "A signal appears when a candle gives reason for one."}
        </Empty>
      ) : (
        <Table
          caption={`Earlier signals, judged after ${horizonName(chosen)}`}
          head={
            <>
              <th scope="col">Candle</th>
              <th scope="col">Direction</th>
              <th scope="col">Outcome</th>
              <th scope="col" data-align="end">
                <abbr title="Return after costs; below: as a multiple of what was risked">Net return</abbr>
              </th>
              <th scope="col">Verdict</th>
              <th scope="col" data-align="end">
                Entry
              </th>
              <th scope="col">
                <span className="visually-hidden">On the chart</span>
              </th>
            </>
          }
        >
          {found.slice(0, count).map(signal => (
            <Row
              key={signal.id}
              signal={signal}
              outcome={outcomeAt(signal, chosen)}
              isShown={signal.id === shownId}
              onShow={onShow}
            />
          ))}
        </Table>
      )}
      {(found.length > count || hasOlder) && (
        <div>
          {olderFailed && !isLoading && (
            <p className="muted small" role="status">
              Earlier signals could not be read. Try again in a moment.
            </p>
          )}
          <Button size="small" isBusy={isLoading} onClick={() => void more()}>
            Show more
          </Button>
        </div>
      )}
    </div>
  );
}

function Row({
  signal,
  outcome,
  isShown,
  onShow,
}: {
  signal: SignalRow;
  outcome: Outcome | null;
  isShown: boolean;
  onShow: (signal: SignalRow) => void;
}) {
  const verdict = verdictOf(signal.verdict);
  return (
    <tr data-shown={isShown || undefined} className={style.signalRow} data-testid="past-signal">
      <td>
        <time dateTime={signal.opened_at} title={dateTime(signal.opened_at)}>
          {shortTime(signal.opened_at)}
        </time>
        <span className={style.origin}>{signal.origin === "live" ? "live" : "past data"}</span>
      </td>
      <td>
        <DirectionMark direction={signal.direction} />
      </td>
      <Ending outcome={outcome} />
      <td>
        <Badge tone={verdict.tone}>{verdict.word}</Badge>
        {signal.confidence !== null && (
          <span className={style.origin}>confidence {percent(signal.confidence, 0)}</span>
        )}
      </td>
      <td data-align="end">{price(signal.entry_price)}</td>
      <td>
        <Button
          kind="quiet"
          isIcon
          aria-pressed={isShown}
          aria-label={`Show the signal of ${dateTime(signal.opened_at)} on the chart`}
          onClick={() => onShow(signal)}
        >
          <ChartCandlestick size={18} aria-hidden />
        </Button>
      </td>
    </tr>
  );
}

function Ending({ outcome }: { outcome: Outcome | null }) {
  if (!outcome) {
    return (
      <>
        <td>
          <Badge tone="info">Open</Badge>
        </td>
        <td data-align="end">–</td>
      </>
    );
  }
  const ending = ENDINGS[outcome.barrier] ?? { word: outcome.barrier, tone: "flat" as const };
  const direction = outcome.return_net > 0 ? "long" : outcome.return_net < 0 ? "short" : "flat";
  return (
    <>
      <td>
        <Badge tone={ending.tone}>{ending.word}</Badge>
        {outcome.ambiguous && (
          <span className={style.origin} title="One candle reached both the target and the stop">
            unclear
          </span>
        )}
      </td>
      <td data-align="end">
        <span className={style.tinted} data-direction={direction}>
          {signed(outcome.return_net * 100, 2)} %
        </span>
        <span className={style.origin}>{signed(outcome.r_multiple, 2)} R</span>
      </td>
    </>
  );
}
