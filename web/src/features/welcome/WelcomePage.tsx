import { ArrowRight, Check, LineChart, MessageSquareText, Plus, TriangleAlert } from "lucide-react";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { Button, buttonClass } from "~/components/Button";
import { useTitle } from "~/components/layout";
import { SignalCard, SignalCardSkeleton } from "~/components/SignalCard";
import { Notice, SkeletonRows, Trouble } from "~/components/states";
import { keyOf } from "~/features/markets/market";
import { LimitNotice, SymbolPicker } from "~/features/markets/SymbolPicker";
import {
  useSymbolsMax,
  useUnwatch,
  useWatch,
  useWatched,
  type WatchFailure,
  watchAll,
} from "~/features/markets/watching";
import { symbolPath } from "~/format";
import { TIMEFRAME_DEFAULT, type Timeframe } from "~/timeframes";
import { firstOf, STAGES, shareOf } from "./progress";
import { type Arrival, useArrivals } from "./useArrivals";
import style from "./welcome.module.css";

const FIRST_CHOICE = ["BTC/USDT", "ETH/USDT"];

/** The first minute: what to watch, and then its data as it arrives. */
export default function WelcomePage() {
  useTitle("Welcome");
  const { data: watched, error, refetch } = useWatched();
  const [isChoosing, setChoosing] = useState<boolean | null>(null);
  const [failures, setFailures] = useState<WatchFailure[]>([]);
  const shows = isChoosing ?? watched?.length === 0;
  return (
    <div className={style.page}>
      <header className={style.top}>
        <Link href="/chat" className={style.brand}>
          <img src="/mark.svg" alt="" width="28" height="28" />
          Zmarty
        </Link>
        <Link href="/markets" className={buttonClass({ kind: "quiet" })}>
          Skip
        </Link>
      </header>
      <main className={style.main}>
        {watched === undefined ? (
          error ? (
            <Trouble error={error} onRetry={() => refetch()} />
          ) : (
            <SkeletonRows rows={5} height="3.5rem" />
          )
        ) : shows ? (
          <Choose
            watched={watched}
            onDone={found => {
              setFailures(found);
              setChoosing(false);
            }}
          />
        ) : (
          <Arriving watched={watched} failures={failures} onChoose={() => setChoosing(true)} />
        )}
      </main>
    </div>
  );
}

type Watched = NonNullable<ReturnType<typeof useWatched>["data"]>;

export function Choose({
  watched,
  onDone,
}: {
  watched: Watched;
  onDone: (failures: WatchFailure[]) => void;
}) {
  const symbolsMax = useSymbolsMax();
  const room = symbolsMax === undefined ? undefined : symbolsMax - watched.length;
  const [chosen, setChosen] = useState<string[]>(watched.length === 0 ? FIRST_CHOICE : []);
  const [timeframe, setTimeframe] = useState<Timeframe>(TIMEFRAME_DEFAULT);
  const [failures, setFailures] = useState<WatchFailure[]>([]);
  const [isBusy, setBusy] = useState(false);
  const watch = useWatch();

  const start = async () => {
    setBusy(true);
    const done = await watchAll(watch.mutateAsync, chosen, timeframe);
    setBusy(false);
    if (done.watched.length > 0) onDone(done.failures);
    else setFailures(done.failures);
  };
  return (
    <form
      className={style.choose}
      onSubmit={event => {
        event.preventDefault();
        void start();
      }}
    >
      <Heading step={1} title="What do you want to watch?">
        Zmarty loads the history of each symbol, then gives a signal whenever a candle closes. You can change
        this at any time.
      </Heading>
      <SymbolPicker
        chosen={chosen}
        onChange={setChosen}
        timeframe={timeframe}
        onTimeframe={setTimeframe}
        watched={new Set(watched.filter(row => row.timeframe === timeframe).map(row => row.symbol))}
        room={room}
      />
      <Failures failures={failures} />
      <div className={style.actions}>
        <Button type="submit" kind="primary" isBusy={isBusy} disabled={chosen.length === 0}>
          {chosen.length > 1 ? `Watch ${chosen.length} symbols` : "Watch"}
          <ArrowRight size={18} aria-hidden />
        </Button>
        {symbolsMax !== undefined && (
          <span className="muted small num">
            {watched.length + chosen.length} of {symbolsMax} symbols
          </span>
        )}
        {watched.length > 0 && (
          <Button kind="quiet" onClick={() => onDone([])}>
            Back
          </Button>
        )}
      </div>
    </form>
  );
}

function Arriving({
  watched,
  failures,
  onChoose,
}: {
  watched: Watched;
  failures: WatchFailure[];
  onChoose: () => void;
}) {
  const arrivals = useArrivals(watched);
  const first = firstOf(arrivals);
  const share = shareOf(arrivals.map(arrival => arrival.progress));
  const isReady = share === 1;
  const isSlow = useLater(!isReady, 60_000);
  const see = first?.watched ?? watched[0];
  return (
    <>
      <Heading step={2} title={isReady ? "Your markets are ready" : "Your data is arriving"}>
        {isReady
          ? "From now on you get a signal whenever a candle closes."
          : "This takes a few seconds. You can go on meanwhile; nothing is lost."}
      </Heading>
      <Failures failures={failures} />
      <div className={style.split}>
        <section className={style.panel} aria-label="How far your symbols are">
          <div
            className={style.total}
            role="progressbar"
            aria-label="All symbols"
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round(share * 100)}
          >
            <span style={{ width: `${share * 100}%` }} />
          </div>
          <ul>
            {arrivals.map(arrival => (
              <ArrivalRow key={keyOf(arrival.watched)} arrival={arrival} />
            ))}
          </ul>
          <Button kind="quiet" onClick={onChoose}>
            <Plus size={18} aria-hidden />
            Watch another symbol
          </Button>
        </section>
        <section className={style.first} aria-label="Your first signal" aria-live="polite">
          <h2>Your first signal</h2>
          {first?.signal ? (
            <SignalCard signal={first.signal} winRate={first.winRate} />
          ) : (
            <SignalCardSkeleton />
          )}
        </section>
      </div>
      {isSlow && !isReady && (
        <Notice tone="info" title="This takes longer than usual">
          Your symbols are saved and go on by themselves. You find them under Markets.
        </Notice>
      )}
      <div className={style.actions}>
        <Link href={askPath(see)} className={buttonClass({ kind: "primary" })}>
          <MessageSquareText size={18} aria-hidden />
          Ask about it
        </Link>
        {see && (
          <Link href={`/markets/${symbolPath(see.symbol)}/${see.timeframe}`} className={buttonClass()}>
            <LineChart size={18} aria-hidden />
            See the market
          </Link>
        )}
      </div>
    </>
  );
}

export function ArrivalRow({ arrival }: { arrival: Pick<Arrival, "watched" | "progress" | "news"> }) {
  const { watched, progress, news } = arrival;
  const unwatch = useUnwatch();
  const isReady = progress.done === STAGES.length;
  return (
    <li
      className={style.row}
      data-testid={`arrival-${symbolPath(watched.symbol)}-${watched.timeframe}`}
      data-stage={STAGES[progress.done - 1]?.key}
    >
      <div className={style.rowHead}>
        <strong>
          {watched.symbol} <span className={style.timeframe}>{watched.timeframe}</span>
        </strong>
        <span className={style.told} data-ready={isReady || undefined}>
          {progress.isParked && <TriangleAlert size={14} aria-hidden />}
          {isReady || progress.isParked ? progress.text : `${progress.text}…`}
        </span>
      </div>
      <ol className={style.stages} aria-label={`${progress.done} of ${STAGES.length} steps done`}>
        {STAGES.map(({ key, name }, at) => (
          <li
            key={key}
            data-state={
              at < progress.done
                ? "done"
                : at === progress.done
                  ? progress.isParked
                    ? "failed"
                    : "now"
                  : "later"
            }
          >
            <span className={style.mark} aria-hidden>
              {at < progress.done && <Check size={11} strokeWidth={3} />}
            </span>
            {name}
          </li>
        ))}
      </ol>
      {progress.isParked ? (
        <Button size="small" onClick={() => unwatch.mutate(watched)}>
          Remove {watched.symbol}
        </Button>
      ) : (
        !isReady && <span className={style.news}>{news ?? "\u00a0"}</span>
      )}
    </li>
  );
}

function Heading({ step, title, children }: { step: number; title: string; children: string }) {
  return (
    <div className={style.heading}>
      <p className={style.step}>Step {step} of 2</p>
      <h1>{title}</h1>
      <p className="muted">{children}</p>
    </div>
  );
}

export function Failures({ failures }: { failures: readonly WatchFailure[] }) {
  return failures.map(failure =>
    failure.isLimit ? (
      <LimitNotice key={failure.symbol} told={failure.text} />
    ) : (
      <Notice key={failure.symbol} tone="bad" title={failure.symbol}>
        {failure.text}
      </Notice>
    ),
  );
}

function askPath(pair: { symbol: string } | undefined): string {
  return pair ? `/chat?symbol=${encodeURIComponent(pair.symbol)}` : "/chat";
}

/** Whether something has held for so long. */
function useLater(holds: boolean, ms: number): boolean {
  const [isLater, setLater] = useState(false);
  useEffect(() => {
    setLater(false);
    if (!holds) return;
    const timer = setTimeout(() => setLater(true), ms);
    return () => clearTimeout(timer);
  }, [holds, ms]);
  return isLater;
}
