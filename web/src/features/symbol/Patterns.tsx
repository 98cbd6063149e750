import type {
  EffectivenessRow,
  OrchestratorApiIntelligenceRowsPatternRow as PatternRow,
} from "@zmarty/client";
import { DirectionMark } from "~/components/SignalCard";
import { Table } from "~/components/table";
import { ago, percent, price, whole } from "~/format";
import { words } from "./chartData";
import { Loaded } from "./Panel";
import { RateBar } from "./RateBar";
import { byHorizon, horizonName, intervalWords, N_EFFECTIVE_MIN } from "./record";
import style from "./symbol.module.css";
import { type Pair, useEffectiveness, usePatterns } from "./useSymbol";

export function Patterns({ pair }: { pair: Pair }) {
  const patterns = usePatterns(pair);
  const effectiveness = useEffectiveness(pair);
  return (
    <div className={style.stack}>
      <Loaded query={patterns} rows={2} rowHeight="4rem">
        {rows =>
          rows.length === 0 ? (
            <p className="muted">No pattern holds at the moment.</p>
          ) : (
            <ul className={style.patterns}>
              {rows.map(pattern => (
                <Pattern
                  key={pattern.id}
                  pattern={pattern}
                  record={effectOf(effectiveness.data, pattern.kind)}
                />
              ))}
            </ul>
          )
        }
      </Loaded>
      <h3>How often each kind was right</h3>
      <Loaded query={effectiveness} rows={3}>
        {rows =>
          rows.length === 0 ? (
            <p className="muted">No pattern of this symbol has ended yet.</p>
          ) : (
            <Effects rows={rows} />
          )
        }
      </Loaded>
    </div>
  );
}

/** The record of a kind at its shortest horizon. */
export function effectOf(
  rows: readonly EffectivenessRow[] | undefined,
  kind: string,
): EffectivenessRow | null {
  return rows?.filter(row => row.kind === kind).sort(byHorizon)[0] ?? null;
}

export function effectWords(row: EffectivenessRow | null): string {
  if (!row || row.n === 0) return "No record of this kind yet";
  if (row.n_effective < N_EFFECTIVE_MIN)
    return `Right ${whole(row.wins)} of ${whole(row.n)} times: too few to say`;
  const baseline = row.baseline === null ? "" : `, random entries ${percent(row.baseline, 0)}`;
  return `Right ${percent(row.rate, 0)}${intervalWords(row)} of ${whole(row.n)} times${baseline}`;
}

function Pattern({ pattern, record }: { pattern: PatternRow; record: EffectivenessRow | null }) {
  const levels = pattern.price_levels;
  return (
    <li className={style.pattern} data-testid="pattern">
      <div className={style.patternHead}>
        <strong>{words(pattern.kind)}</strong>
        <DirectionMark direction={pattern.direction} />
        <span className="muted small">fits {percent(pattern.confidence, 0)}</span>
      </div>
      <dl className={style.pairs}>
        <div>
          <dt>Entry</dt>
          <dd className="num">{price(levels.entry)}</dd>
        </div>
        <div>
          <dt>Target</dt>
          <dd className="num">{price(levels.target)}</dd>
        </div>
        <div>
          <dt>Wrong at</dt>
          <dd className="num">{price(levels.invalidation)}</dd>
        </div>
      </dl>
      <p className="muted small">
        {effectWords(record)} · expires {ago(pattern.expires_at)}
      </p>
    </li>
  );
}

function Effects({ rows }: { rows: readonly EffectivenessRow[] }) {
  const sorted = [...rows].sort(
    (one, other) => other.n - one.n || one.kind.localeCompare(other.kind) || byHorizon(one, other),
  );
  return (
    <Table
      caption="Patterns by kind"
      head={
        <>
          <th scope="col">Kind</th>
          <th scope="col">Within</th>
          <th scope="col" className={style.wide}>
            Right, 95 % interval
          </th>
          <th scope="col" data-align="end">
            Random
          </th>
          <th scope="col" data-align="end">
            Cases
          </th>
        </>
      }
    >
      {sorted.map(row => (
        <tr
          key={`${row.kind} ${row.horizon}`}
          className={style.rateRow}
          data-quiet={row.n_effective < N_EFFECTIVE_MIN || undefined}
        >
          <td>{words(row.kind)}</td>
          <td>{horizonName(row.horizon)}</td>
          <td>
            <div className={style.rate}>
              <span>
                <strong>{percent(row.rate, 0)}</strong>{" "}
                <span className="muted">
                  {percent(row.low, 0)}–{percent(row.high, 0)}
                </span>
              </span>
              <RateBar rate={row.rate} low={row.low} high={row.high} baseline={row.baseline} />
            </div>
          </td>
          <td data-align="end">{row.baseline === null ? "–" : percent(row.baseline, 0)}</td>
          <td data-align="end">
            {whole(row.n)}
            {row.n_effective < N_EFFECTIVE_MIN && <span className={style.origin}>too few to say</span>}
          </td>
        </tr>
      ))}
    </Table>
  );
}
