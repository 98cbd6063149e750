import type { MapRow, MonitorRow } from "@zmarty/client";
import { Badge, Empty, type Tone } from "~/components/states";
import { ago, compact, price, signed, whole } from "~/format";
import { bandsOf, newestMap } from "./chartData";
import { Loaded } from "./Panel";
import style from "./symbol.module.css";
import { useClusters, useMonitor } from "./useSymbol";

const LEANINGS: Record<NonNullable<MonitorRow["pattern"]>, string> = {
  long_squeeze: "Long squeeze: much would be sold close below the price.",
  short_squeeze: "Short squeeze: much would be bought close above the price.",
  pull_up: "Most of it lies above the price and may pull it up.",
  pull_down: "Most of it lies below the price and may pull it down.",
  balanced: "Both sides hold about as much.",
};
const CASCADES: Record<NonNullable<MonitorRow["cascade_band"]>, { word: string; tone: Tone }> = {
  high: { word: "High cascade risk", tone: "bad" },
  medium: { word: "Medium cascade risk", tone: "warn" },
  low: { word: "Low cascade risk", tone: "good" },
  none: { word: "No cascade risk", tone: "flat" },
};
const SOURCE_NAMES: Record<string, string> = {
  king_fisher: "KingFisher",
  pushed: "a map that was sent in",
  screenshot: "a read map",
  estimated: "an estimate",
};

export function Liquidations({ symbol, close }: { symbol: string; close: number | null }) {
  const clusters = useClusters(symbol);
  const monitor = useMonitor(symbol);
  return (
    <Loaded query={clusters} rows={8} rowHeight="1.75rem">
      {maps => {
        const map = newestMap(maps);
        return map ? (
          <Ladder map={map} monitor={monitor.data ?? null} close={monitor.data?.price ?? close} />
        ) : (
          <Empty title="No liquidation map yet">
            Maps are fetched every few minutes for watched symbols.
          </Empty>
        );
      }}
    </Loaded>
  );
}

function Ladder({ map, monitor, close }: { map: MapRow; monitor: MonitorRow | null; close: number | null }) {
  const bands = bandsOf(map);
  const cascade = monitor?.cascade_band ? CASCADES[monitor.cascade_band] : null;
  const above = bands.filter(band => band.side === "above");
  const below = bands.filter(band => band.side === "below");
  return (
    <div className={style.stack}>
      {monitor && (
        <p>
          {cascade && (
            <Badge tone={cascade.tone}>
              {cascade.word}
              {monitor.cascade_risk !== null && ` · ${whole(monitor.cascade_risk)} of 100`}
            </Badge>
          )}{" "}
          {monitor.pattern && LEANINGS[monitor.pattern]}
        </p>
      )}
      <ul className={style.ladder} aria-label="Liquidation clusters, highest price first">
        {above.map(band => (
          <Rung key={`above ${band.price}`} band={band} close={close} />
        ))}
        {close !== null && (
          <li className={style.rungNow}>
            <span className="num">{price(close)}</span>
            <span>price now</span>
          </li>
        )}
        {below.map(band => (
          <Rung key={`below ${band.price}`} band={band} close={close} />
        ))}
      </ul>
      <p className="muted small">
        Prices at which many positions would be closed by force. From {SOURCE_NAMES[map.source] ?? map.source}
        , seen {ago(map.observed_at)}.
      </p>
    </div>
  );
}

function Rung({ band, close }: { band: ReturnType<typeof bandsOf>[number]; close: number | null }) {
  return (
    <li className={style.rung}>
      <span className="num">{price(band.price)}</span>
      <span className={`num ${style.rungAway}`}>
        {close ? `${signed((band.price / close - 1) * 100, 1)} %` : ""}
      </span>
      <span className={style.rungTrack} aria-hidden>
        <span style={{ width: `${band.share * 100}%` }} />
      </span>
      <span className="num">{band.notional === null ? "–" : `$${compact(band.notional)}`}</span>
    </li>
  );
}
