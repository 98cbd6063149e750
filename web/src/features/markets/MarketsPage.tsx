import { LineChart, Plus, Search } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "~/components/Button";
import { Page } from "~/components/layout";
import { Segments } from "~/components/Segments";
import { Empty, Notice, SkeletonRows, Trouble } from "~/components/states";
import { useToast } from "~/components/toast";
import ui from "~/components/ui.module.css";
import { AddDialog } from "./AddDialog";
import { MarketTable } from "./MarketTable";
import { arranged, keyOf, LEANINGS, type Market, ORDERS, type Order, statusOf, type View } from "./market";
import style from "./markets.module.css";
import { useMarkets, useSymbolsMax, useUnwatch, useWatch, useWatched } from "./watching";

/** From here on a list wants to be searched. */
const MANY = 6;
const CLOCK_MS = 15_000;
const FIRST_VIEW: View = { order: "symbol", isReversed: false, leaning: "all", search: "" };

export default function MarketsPage() {
  const [isAdding, setAdding] = useState(false);
  const { data: watched, error, refetch } = useWatched();
  const symbolsMax = useSymbolsMax();
  const hasSome = watched !== undefined && watched.length > 0;
  return (
    <Page
      title="Markets"
      actions={
        hasSome && (
          <div className={style.head}>
            {symbolsMax !== undefined && (
              <span className="muted small num">
                {watched.length} of {symbolsMax} symbols
              </span>
            )}
            <Button kind="primary" onClick={() => setAdding(true)}>
              <Plus size={18} aria-hidden />
              Watch a symbol
            </Button>
          </div>
        )
      }
    >
      {watched ? (
        hasSome ? (
          <>
            {error && <Notice tone="warn">The list could not be read anew. What you see may be old.</Notice>}
            <Watched watched={watched} />
          </>
        ) : (
          <div className={style.panel}>
            <Empty
              icon={<LineChart size={32} aria-hidden />}
              title="You watch no symbol yet"
              action={
                <Button kind="primary" onClick={() => setAdding(true)}>
                  <Plus size={18} aria-hidden />
                  Watch a symbol
                </Button>
              }
            >
              Choose one, and Zmarty gives you a signal with its record whenever a candle closes.
            </Empty>
          </div>
        )
      ) : error ? (
        <div className={style.panel}>
          <Trouble error={error} onRetry={() => refetch()} />
        </div>
      ) : (
        <SkeletonRows rows={4} height="4.5rem" />
      )}
      <AddDialog isOpen={isAdding} onClose={() => setAdding(false)} />
    </Page>
  );
}

function Watched({ watched }: { watched: NonNullable<ReturnType<typeof useWatched>["data"]> }) {
  const markets = useMarkets(watched);
  const now = useNow();
  const [view, setView] = useState<View>(FIRST_VIEW);
  const remove = useRemove();
  const shown = arranged(markets, view);
  const late = markets.filter(market => statusOf(market, now).health === "late");
  const setOrder = (order: Order) =>
    setView({ ...view, order, isReversed: view.order === order && !view.isReversed });
  return (
    <>
      {late.length === markets.length && late.length > 1 && (
        <Notice tone="warn" title="Data comes late">
          The exchange has not answered for a while. Candles and signals follow as soon as it does.
        </Notice>
      )}
      {watched.length >= MANY && <Toolbar view={view} setView={setView} />}
      <div className={style.panel}>
        {shown.length > 0 ? (
          <MarketTable
            markets={shown}
            now={now}
            order={view.order}
            isReversed={view.isReversed}
            onOrder={setOrder}
            onRemove={remove}
          />
        ) : (
          <Empty
            title="No symbol fits"
            action={<Button onClick={() => setView(FIRST_VIEW)}>Show all</Button>}
          />
        )}
      </div>
    </>
  );
}

function Toolbar({ view, setView }: { view: View; setView: (view: View) => void }) {
  return (
    <div className={style.tools}>
      <div className={style.search}>
        <Search size={16} aria-hidden />
        <input
          className={ui.input}
          type="search"
          aria-label="Find a symbol"
          placeholder="Find a symbol"
          value={view.search}
          onChange={event => setView({ ...view, search: event.target.value })}
        />
      </div>
      <Segments
        label="Direction of the last signal"
        value={view.leaning}
        options={LEANINGS}
        onChange={leaning => setView({ ...view, leaning })}
      />
      {/* On a narrow screen there are no heads of columns to press. */}
      <select
        className={`${ui.input} ${style.order}`}
        aria-label="Sort by"
        value={view.order}
        onChange={event => {
          const order = ORDERS.find(one => one.value === event.target.value)?.value ?? "symbol";
          setView({ ...view, order, isReversed: false });
        }}
      >
        {ORDERS.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Stop watching at once; the word in the corner takes it back. */
function useRemove(): (market: Market) => void {
  const unwatch = useUnwatch();
  const watch = useWatch();
  const toast = useToast();
  return ({ watched }) =>
    unwatch.mutate(watched, {
      onSuccess: () =>
        toast.done(`${keyOf(watched)} is no longer watched.`, {
          label: "Undo",
          onPress: () =>
            watch.mutate(
              { symbol: watched.symbol, timeframe: watched.timeframe },
              { onError: error => toast.failed(error) },
            ),
        }),
      onError: error => toast.failed(error),
    });
}

/** The time, often enough for ages that are told in minutes. */
function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), CLOCK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
