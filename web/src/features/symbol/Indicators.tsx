import type { IndicatorRow } from "@zmarty/client";
import { ArrowDownRight, ArrowUpRight, Minus } from "lucide-react";
import { Sparkline } from "~/components/charts/Sparkline";
import { Empty } from "~/components/states";
import { dateTime } from "~/format";
import { Loaded } from "./Panel";
import { type Group, groupsOf, type Leaning, type Reading, tallyOf } from "./readings";
import style from "./symbol.module.css";
import { type Pair, useIndicators } from "./useSymbol";

const MARKS = {
  up: { Icon: ArrowUpRight, word: "Leans up", tone: "long" },
  down: { Icon: ArrowDownRight, word: "Leans down", tone: "short" },
  neutral: { Icon: Minus, word: "Leans neither way", tone: "flat" },
  unknown: { Icon: Minus, word: "Not known", tone: "flat" },
} as const satisfies Record<Leaning, unknown>;

/** Two or three values are no course. */
const COURSE_MIN = 6;

export function Indicators({ pair, close }: { pair: Pair; close: number | null }) {
  const query = useIndicators(pair);
  return (
    <Loaded query={query} rows={7}>
      {rows => {
        const newest = rows.at(-1);
        return newest && close !== null ? (
          <Read rows={rows} newest={newest} close={close} />
        ) : (
          <Empty title="No indicators yet">They are computed with the first candles.</Empty>
        );
      }}
    </Loaded>
  );
}

function Read({ rows, newest, close }: { rows: IndicatorRow[]; newest: IndicatorRow; close: number }) {
  const groups = groupsOf(newest.data, close);
  const tally = tallyOf(groups);
  return (
    <div className={style.stack}>
      <p>
        <span className={style.tally} data-direction="long">
          <ArrowUpRight size={16} aria-hidden /> {tally.up} lean up
        </span>
        <span className={style.tally} data-direction="short">
          <ArrowDownRight size={16} aria-hidden /> {tally.down} lean down
        </span>
        <span className={style.tally} data-direction="flat">
          <Minus size={16} aria-hidden /> {tally.neutral} neither
        </span>
        <span className="muted small">At the close of {dateTime(newest.closed_at)}</span>
      </p>
      <div className={style.groups}>
        {groups.map(group => (
          <ReadGroup key={group.name} group={group} rows={rows} />
        ))}
      </div>
    </div>
  );
}

function ReadGroup({ group, rows }: { group: Group; rows: IndicatorRow[] }) {
  return (
    <section className={style.group} aria-label={group.name}>
      <h3>{group.name}</h3>
      <ul>
        {group.readings.map(reading => (
          <Item key={reading.key} reading={reading} rows={rows} />
        ))}
      </ul>
    </section>
  );
}

function Item({ reading, rows }: { reading: Reading; rows: IndicatorRow[] }) {
  const { Icon, word, tone } = MARKS[reading.leaning];
  const course = rows.map(row => reading.track(row.data));
  return (
    <li className={style.reading}>
      <span className={style.readingName} title={reading.about}>
        {reading.name}
      </span>
      {course.length >= COURSE_MIN ? (
        <Sparkline values={course} tone={tone} width={72} height={22} />
      ) : (
        <span />
      )}
      <span className={`num ${style.readingValue}`}>{reading.value}</span>
      <span className={style.readingWords} data-direction={tone}>
        <Icon size={14} aria-hidden />
        <span className="visually-hidden">{word}: </span>
        {reading.words}
      </span>
    </li>
  );
}
