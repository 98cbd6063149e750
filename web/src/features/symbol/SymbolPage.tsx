import type { SignalRow } from "@zmarty/client";
import { Eye, LoaderCircle, SearchX } from "lucide-react";
import { useState } from "react";
import { Link, useParams } from "wouter";
import { Button, buttonClass } from "~/components/Button";
import { ErrorBoundary } from "~/components/ErrorBoundary";
import { Page } from "~/components/layout";
import { Empty, Notice, Skeleton, SkeletonRows, Trouble } from "~/components/states";
import { TIMEFRAME_WORDS } from "~/timeframes";
import { Calibration } from "./Calibration";
import { ChartPanel } from "./ChartPanel";
import { Actions, Status } from "./Head";
import { Indicators } from "./Indicators";
import { Liquidations } from "./Liquidations";
import { NARROW, ONE_COLUMN, Panel, useMedia } from "./Panel";
import { PastSignals } from "./PastSignals";
import { Patterns } from "./Patterns";
import { symbolOf, timeframeOf } from "./pair";
import { Risk } from "./Risk";
import { SignalPanel } from "./SignalPanel";
import style from "./symbol.module.css";
import { isUnknownSymbol, type Pair, useCandles, useSignals, useWatched, useWatching } from "./useSymbol";
import { WinRates } from "./WinRates";

export default function SymbolPage() {
  const parameters = useParams<{ symbol: string; timeframe: string }>();
  const symbol = symbolOf(parameters.symbol);
  const timeframe = timeframeOf(parameters.timeframe);
  if (!timeframe) {
    return (
      <Page title={symbol}>
        <Empty
          icon={<SearchX size={32} />}
          title={`There are no candles of ${parameters.timeframe}`}
          action={<ToMarkets />}
        >
          Choose one of the timeframes on the markets page.
        </Empty>
      </Page>
    );
  }
  return <PairPage key={`${symbol} ${timeframe}`} pair={{ symbol, timeframe }} />;
}

function ToMarkets() {
  return (
    <Link href="/markets" className={buttonClass()}>
      To your markets
    </Link>
  );
}

function PairPage({ pair }: { pair: Pair }) {
  const watched = useWatched();
  const watching = watched.data?.find(one => one.symbol === pair.symbol && one.timeframe === pair.timeframe);
  const { query: candles, loadOlder, olderFailed } = useCandles(pair, Boolean(watching));
  const rows = candles.data?.rows;

  if (isUnknownSymbol(candles.error)) {
    return (
      <Page title={pair.symbol}>
        <Empty
          icon={<SearchX size={32} />}
          title={`${pair.symbol} is not traded here`}
          action={<ToMarkets />}
        >
          Look for another symbol on the markets page.
        </Empty>
      </Page>
    );
  }
  const actions = watched.data && <Actions pair={pair} watched={watched.data} />;
  return (
    <Page title={pair.symbol} actions={actions}>
      {watching?.mirror.state === "parked" && (
        <Notice tone="warn" title="This symbol could not be set up">
          We have been told and look at it. Nothing is lost; you can also stop watching it and watch it again.
        </Notice>
      )}
      {rows && rows.length > 0 ? (
        <Known
          pair={pair}
          candles={{ rows, loadOlder, olderFailed }}
          mirror={watching?.mirror.state}
          isWatched={!watched.data || Boolean(watching)}
        />
      ) : rows && watched.data ? (
        watching ? (
          <OnTheirWay pair={pair} />
        ) : (
          <NotWatched pair={pair} />
        )
      ) : candles.error || watched.error ? (
        <Trouble
          error={candles.error ?? watched.error}
          onRetry={() => {
            void candles.refetch();
            void watched.refetch();
          }}
        />
      ) : (
        <Loading />
      )}
    </Page>
  );
}

function NotWatched({ pair }: { pair: Pair }) {
  const { watch } = useWatching();
  return (
    <Empty
      icon={<Eye size={32} />}
      title={`You do not watch ${pair.symbol} on ${pair.timeframe}`}
      action={
        <Button kind="primary" isBusy={watch.isPending} onClick={() => watch.mutate(pair)}>
          Watch it
        </Button>
      }
    >
      Zmarty then loads its history, judges every candle of {TIMEFRAME_WORDS[pair.timeframe]}, and keeps count
      of how its signals end.
    </Empty>
  );
}

function OnTheirWay({ pair }: { pair: Pair }) {
  return (
    <div role="status" data-testid="on-their-way">
      <Empty
        icon={<LoaderCircle className={style.turning} size={32} />}
        title="The first candles are on their way"
      >
        {pair.symbol} is being fetched and its history judged. It appears here by itself, usually within a
        minute.
      </Empty>
    </div>
  );
}

function Loading() {
  return (
    <>
      <div className={style.status} aria-hidden>
        <Skeleton width="14rem" height="2.25rem" />
      </div>
      <div className={style.columns} role="status" aria-label="Loading">
        <Skeleton height="36rem" />
        <SkeletonRows rows={5} height="4rem" />
      </div>
    </>
  );
}

interface Candles {
  rows: NonNullable<ReturnType<typeof useCandles>["query"]["data"]>["rows"];
  loadOlder: () => Promise<void>;
  olderFailed: boolean;
}

const NO_SIGNALS: SignalRow[] = [];

function Known({
  pair,
  candles,
  mirror,
  isWatched,
}: {
  pair: Pair;
  candles: Candles;
  mirror: "pending" | "mirrored" | "parked" | undefined;
  isWatched: boolean;
}) {
  const isNarrow = useMedia(NARROW);
  const isOneColumn = useMedia(ONE_COLUMN);
  const { query: signals, loadOlder: loadOlderSignals, olderFailed: olderSignalsFailed } = useSignals(pair);
  const [picked, setPicked] = useState<SignalRow | null>(null);
  const given = signals.data?.rows;
  const newest = given === undefined ? undefined : (given.at(-1) ?? null);
  const shown = picked ?? newest;
  const close = candles.rows.at(-1)?.close ?? null;
  const older = () => {
    void candles.loadOlder();
    void loadOlderSignals();
  };
  const pick = (signal: SignalRow) => {
    setPicked(signal.id === picked?.id ? null : signal);
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    document
      .getElementById("symbol-chart")
      ?.scrollIntoView({ block: "start", behavior: isCalm ? "auto" : "smooth" });
  };
  const chart = (
    <div className={style.chartArea} id="symbol-chart">
      <ErrorBoundary>
        <ChartPanel
          pair={pair}
          rows={candles.rows}
          signals={given ?? NO_SIGNALS}
          shown={shown ?? null}
          olderFailed={candles.olderFailed}
          onNeedOlder={older}
        />
      </ErrorBoundary>
    </div>
  );
  const signal = (
    <ErrorBoundary>
      <SignalPanel
        pair={pair}
        signal={shown}
        isNewest={picked === null}
        error={signals.error}
        onRetry={() => void signals.refetch()}
        onNewest={() => setPicked(null)}
      />
    </ErrorBoundary>
  );
  const parts = {
    winRates: (
      <Panel title="Win rates" isNarrow={isNarrow} isOpenFirst>
        <WinRates pair={pair} />
      </Panel>
    ),
    earlier: (
      <Panel title="Earlier signals" isNarrow={isNarrow}>
        <PastSignals
          signals={given}
          hasOlder={Boolean(signals.data?.older)}
          olderFailed={olderSignalsFailed}
          shownId={picked?.id ?? null}
          error={signals.error}
          onRetry={() => void signals.refetch()}
          onOlder={loadOlderSignals}
          onShow={pick}
        />
      </Panel>
    ),
    indicators: (
      <Panel title="Indicators" isNarrow={isNarrow}>
        <Indicators pair={pair} close={close} />
      </Panel>
    ),
    patterns: (
      <Panel title="Patterns" isNarrow={isNarrow}>
        <Patterns pair={pair} />
      </Panel>
    ),
    risk: (
      <Panel title="Risk" isNarrow={isNarrow}>
        <Risk symbol={pair.symbol} />
      </Panel>
    ),
    calibration: (
      <Panel title="Are confidences kept?" isNarrow={isNarrow}>
        <Calibration pair={pair} />
      </Panel>
    ),
    liquidations: (
      <Panel title="Liquidations" isNarrow={isNarrow}>
        <Liquidations symbol={pair.symbol} close={close} />
      </Panel>
    ),
  };
  return (
    <>
      <Status pair={pair} rows={candles.rows} signal={newest} mirror={mirror} />
      {!isWatched && (
        <Notice title="You do not watch this timeframe">
          This is what is known of it. Watch it to be told of every new candle and signal.
        </Notice>
      )}
      {isOneColumn ? (
        <div className={style.column}>
          {chart}
          {signal}
          {parts.winRates}
          {parts.earlier}
          {parts.risk}
          {parts.indicators}
          {parts.liquidations}
          {parts.patterns}
          {parts.calibration}
        </div>
      ) : (
        <div className={style.columns}>
          <div className={style.column}>
            {chart}
            {parts.winRates}
            {parts.earlier}
            {parts.indicators}
            {parts.patterns}
          </div>
          <div className={style.column}>
            {signal}
            {parts.risk}
            {parts.liquidations}
            {parts.calibration}
          </div>
        </div>
      )}
    </>
  );
}
