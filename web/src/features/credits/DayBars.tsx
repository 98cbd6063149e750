import { useWidth } from "~/components/charts/useWidth";
import { whole } from "~/format";
import style from "./credits.module.css";
import { roundTop, type Spent, sum } from "./days";

const HEIGHT = 144;
const TOP = 10;
const BOTTOM = 20;
const LEFT = 34;
const GAP = 0.3;
const LABEL_WIDTH = 52;

/** A bar a day. What each says is in the table beside it, for whoever cannot see or point. */
export function DayBars({ spent, name }: { spent: readonly Spent[]; name: (day: string) => string }) {
  const [ref, width] = useWidth<HTMLDivElement>();
  return (
    <div ref={ref} className={style.bars}>
      {width > 0 && <Drawing spent={spent} name={name} width={width} />}
      <table className="visually-hidden">
        <caption>Credits spent each day</caption>
        <tbody>
          {spent.map(({ day, credits }) => (
            <tr key={day}>
              <th scope="row">{name(day)}</th>
              <td>{whole(credits)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Drawing({
  spent,
  name,
  width,
}: {
  spent: readonly Spent[];
  name: (day: string) => string;
  width: number;
}) {
  const top = roundTop(Math.max(0, ...spent.map(({ credits }) => credits)));
  const step = (width - LEFT) / spent.length;
  const floor = HEIGHT - BOTTOM;
  const y = (credits: number) => floor - (credits / top) * (floor - TOP);
  const every = Math.max(1, Math.ceil(LABEL_WIDTH / step));
  return (
    <svg width={width} height={HEIGHT} aria-hidden>
      {[0, top / 2, top].map(value => (
        <g key={value}>
          <line className={style.grid} x1={LEFT} x2={width} y1={y(value)} y2={y(value)} />
          <text className={style.axis} x={LEFT - 8} y={y(value)} dy="0.32em" textAnchor="end">
            {Number.isInteger(value) ? whole(value) : ""}
          </text>
        </g>
      ))}
      {spent.map(({ day, credits }, at) => (
        <g key={day} className={style.day}>
          <title>{`${name(day)}: ${whole(credits)}`}</title>
          <rect className={style.hit} x={LEFT + at * step} y={TOP} width={step} height={floor - TOP} />
          {credits > 0 && (
            <rect
              className={style.bar}
              x={LEFT + at * step + (step * GAP) / 2}
              y={Math.min(y(credits), floor - 2)}
              width={step * (1 - GAP)}
              height={Math.max(2, floor - y(credits))}
              rx={3}
            />
          )}
          {(spent.length - 1 - at) % every === 0 && (
            <text
              className={style.axis}
              x={LEFT + (at + 0.5) * step}
              y={HEIGHT - 4}
              textAnchor={at === spent.length - 1 ? "end" : "middle"}
              dx={at === spent.length - 1 ? step / 2 : 0}
            >
              {name(day)}
            </text>
          )}
        </g>
      ))}
      {sum(spent) === 0 && (
        <text className={style.axis} x={LEFT + (width - LEFT) / 2} y={y(top / 4)} textAnchor="middle">
          Nothing was spent
        </text>
      )}
    </svg>
  );
}
