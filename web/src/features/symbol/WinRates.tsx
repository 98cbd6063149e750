import type { WinRateRow } from "@zmarty/client";
import { Fragment, useState } from "react";
import { Segments } from "~/components/Segments";
import { Badge, Empty, type Tone } from "~/components/states";
import { Table } from "~/components/table";
import { ago, decimal, percent, signed, whole } from "~/format";
import { Loaded } from "./Panel";
import { RateBar } from "./RateBar";
import {
  horizonName,
  type Origin,
  recordOf,
  recordWords,
  STANDING_WORDS,
  type Standing,
  spansOf,
  standingOf,
} from "./record";
import style from "./symbol.module.css";
import { type Pair, useWinRates } from "./useSymbol";

const ORIGINS: { value: Origin; label: string }[] = [
  { value: "all", label: "All" },
  { value: "live", label: "Live" },
  { value: "backfill", label: "Past data" },
];
const ORIGIN_WORDS: Record<Origin, string> = {
  all: "Signals given live and those computed afterwards over past data, together.",
  live: "Only signals that were given before anybody knew how they would end.",
  backfill: "Signals that the same rules would have given, computed afterwards over past data.",
};
const COLUMNS = 6;
const DIRECTION_WORDS: Record<string, string> = { all: "Both", long: "Long", short: "Short" };
const TONES: Record<Standing, Tone> = {
  none: "flat",
  few: "warn",
  better: "good",
  worse: "bad",
  same: "flat",
};

export function WinRates({ pair }: { pair: Pair }) {
  const query = useWinRates(pair);
  return (
    <Loaded query={query} rows={7}>
      {rows =>
        rows.length === 0 ? (
          <Empty title="No win rates yet">They are counted as soon as the first signals have ended.</Empty>
        ) : (
          <Record rows={rows} />
        )
      }
    </Loaded>
  );
}

export function Record({ rows }: { rows: readonly WinRateRow[] }) {
  const spans = spansOf(rows);
  const [origin, setOrigin] = useState<Origin>("all");
  const [chosen, setDays] = useState<number | null>(null);
  const days = chosen ?? spans.at(-1) ?? 365;
  const record = recordOf(rows, { origin, days });
  const horizons = [...new Set(record.map(row => row.horizon))];
  const total = record.find(row => row.direction === "all");
  return (
    <div className={`${style.stack} ${style.tight}`}>
      <div className={style.choices}>
        <Segments label="Signals counted" value={origin} options={ORIGINS} onChange={setOrigin} />
        {spans.length > 1 && (
          <Segments
            label="Over"
            value={String(days)}
            options={spans.map(span => ({ value: String(span), label: `${span} days` }))}
            onChange={value => setDays(Number(value))}
          />
        )}
      </div>
      <p data-testid="record-words">
        {recordWords(total)} <span className="muted">{ORIGIN_WORDS[origin]}</span>
      </p>
      <Table
        caption="Win rates by horizon and direction"
        head={
          <>
            <th scope="col">Direction</th>
            <th scope="col" className={style.wide}>
              Win rate, 95 % interval
            </th>
            <th scope="col" data-align="end">
              Random
            </th>
            <th scope="col" data-align="end">
              <abbr title="Signals that ended; below: how many independent ones they are worth">Signals</abbr>
            </th>
            <th scope="col" data-align="end">
              <abbr title="Mean return of a signal after costs; below: the profit factor, all gains over all losses">
                After costs
              </abbr>
            </th>
            <th scope="col">Reading</th>
          </>
        }
      >
        {horizons.map(horizon => (
          <Fragment key={horizon}>
            <tr>
              <th scope="rowgroup" colSpan={COLUMNS} className={style.horizon}>
                Within {horizonName(horizon)}
              </th>
            </tr>
            {record
              .filter(row => row.horizon === horizon)
              .map(row => (
                <Row key={row.direction} row={row} />
              ))}
          </Fragment>
        ))}
      </Table>
      {total && <p className="muted small">Counted {ago(total.computed_at)}.</p>}
    </div>
  );
}

function Row({ row }: { row: WinRateRow }) {
  const standing = standingOf(row);
  return (
    <tr data-quiet={standing === "few" || standing === "none" || undefined} className={style.rateRow}>
      <td>{DIRECTION_WORDS[row.direction] ?? row.direction}</td>
      <td>
        {row.rate === null ? (
          <span className="muted">–</span>
        ) : (
          <div className={style.rate}>
            <span>
              <strong>{percent(row.rate, 0)}</strong>{" "}
              {row.low !== null && row.high !== null && (
                <span className="muted">
                  {percent(row.low, 0)}–{percent(row.high, 0)}
                </span>
              )}
            </span>
            <RateBar rate={row.rate} low={row.low} high={row.high} baseline={row.baseline} />
          </div>
        )}
      </td>
      <td data-align="end">{row.baseline === null ? "–" : percent(row.baseline, 0)}</td>
      <td data-align="end">
        {whole(row.n)}
        {row.n > 0 && <span className={style.origin}>worth {whole(row.n_effective)}</span>}
      </td>
      <td data-align="end">
        {row.expectancy === null ? "–" : `${signed(row.expectancy * 100, 2)} %`}
        {row.profit_factor !== null && (
          <span className={style.origin}>factor {decimal(row.profit_factor, 2)}</span>
        )}
      </td>
      <td>
        <Badge tone={TONES[standing]}>{STANDING_WORDS[standing]}</Badge>
      </td>
    </tr>
  );
}
