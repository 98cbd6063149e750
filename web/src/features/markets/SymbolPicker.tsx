import { Check, Plus, Search } from "lucide-react";
import { useState } from "react";
import { Segments } from "~/components/Segments";
import { Notice, Skeleton } from "~/components/states";
import ui from "~/components/ui.module.css";
import { whole } from "~/format";
import { TIMEFRAMES, type Timeframe } from "~/timeframes";
import { choicesOf } from "./choices";
import style from "./picker.module.css";
import { useInstruments, useSymbolsMax } from "./watching";

const TIMEFRAME_OPTIONS = TIMEFRAMES.map(value => ({ value, label: value }));

interface Props {
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
  timeframe: Timeframe;
  onTimeframe: (timeframe: Timeframe) => void;
  /** Those that are watched on this timeframe already. */
  watched: ReadonlySet<string>;
  /** How many may still be added; undefined while that is not known. */
  room: number | undefined;
}

/** Choose symbols and a timeframe: suggested ones first, any other by typing how it begins. */
export function SymbolPicker({ chosen, onChange, timeframe, onTimeframe, watched, room }: Props) {
  const [search, setSearch] = useState("");
  const { data, error, isPending } = useInstruments(search);
  const known = data?.items.map(item => item.symbol);
  const choices = choicesOf({ search, known, chosen });
  const isFull = room !== undefined && chosen.length >= room;
  const toggle = (symbol: string) =>
    onChange(chosen.includes(symbol) ? chosen.filter(one => one !== symbol) : [...chosen, symbol]);

  return (
    <div className={style.picker}>
      <div className={style.group}>
        <span className={ui.label} id="picker-timeframe">
          Timeframe
        </span>
        <Segments label="Timeframe" value={timeframe} options={TIMEFRAME_OPTIONS} onChange={onTimeframe} />
        <span className={ui.hint}>How long a candle lasts. A signal is made whenever one closes.</span>
      </div>
      <div className={style.group}>
        <label className={ui.label} htmlFor="picker-search">
          Symbols
        </label>
        <div className={style.search}>
          <Search size={16} aria-hidden />
          <input
            id="picker-search"
            className={ui.input}
            type="search"
            autoComplete="off"
            spellCheck={false}
            placeholder="Search, for example SOL or ETH/BTC"
            maxLength={25}
            value={search}
            onChange={event => setSearch(event.target.value)}
          />
        </div>
        <ul className={style.choices} aria-label="Symbols to choose from">
          {choices.map(symbol => {
            const isWatched = watched.has(symbol);
            const isChosen = chosen.includes(symbol);
            return (
              <li key={symbol}>
                <button
                  type="button"
                  className={style.choice}
                  aria-pressed={isChosen}
                  disabled={isWatched || (isFull && !isChosen)}
                  onClick={() => toggle(symbol)}
                >
                  {isChosen || isWatched ? (
                    <Check size={15} strokeWidth={2.4} aria-hidden />
                  ) : (
                    <Plus size={15} aria-hidden />
                  )}
                  <span>
                    {symbol.split("/")[0]}
                    <span className={style.quote}>/{symbol.split("/")[1]}</span>
                  </span>
                  {isWatched && <span className="visually-hidden">, watched already</span>}
                </button>
              </li>
            );
          })}
          {isPending && search && <Skeleton width="7rem" height="2.5rem" />}
        </ul>
        {choices.length === 0 && !isPending && (
          <p className="muted small" role="status">
            No symbol here begins with “{search.trim()}”. Try the short name of the coin, like SOL.
          </p>
        )}
        {error && !data && (
          <p className="muted small" role="status">
            The list of symbols cannot be read at the moment. Type a whole symbol, like BTC/USDT.
          </p>
        )}
      </div>
      {room !== undefined && room <= 0 && <LimitNotice />}
    </div>
  );
}

/** What the plan allows, in the API's words where it was asked, and what to do about it. */
export function LimitNotice({ told }: { told?: string }) {
  const most = useSymbolsMax();
  return (
    <Notice tone="warn" title="Your plan watches no more symbols">
      {told ? `${told} ` : most !== undefined && `It allows ${whole(most)}, each timeframe by itself. `}
      Stop watching one to make room. Whoever runs Zmarty can change what your plan allows.
    </Notice>
  );
}
