import { Card } from "~/components/layout";
import { Skeleton, Trouble } from "~/components/states";
import { decimal, numberLanguage, whole } from "~/format";
import style from "./credits.module.css";
import { DayBars } from "./DayBars";
import { sum } from "./days";
import { useBalance, useSpending } from "./useCredits";

/** The last two weeks, day by day. */
export function Spending() {
  const { spent, error, refetch } = useSpending(new Date());
  const { data: balance } = useBalance();
  const limits = balance?.limits;
  return (
    <Card title="Spending" actions={<span className="muted small">14 days, in UTC</span>}>
      {error && !spent ? (
        <Trouble error={error} onRetry={refetch} />
      ) : (
        <>
          <dl className={style.figures}>
            <Figure name="In 14 days" value={spent && whole(sum(spent))} />
            <Figure name="A day" value={spent && decimal(sum(spent) / spent.length, 1)} />
            <Figure
              name="Today"
              value={limits ? whole(limits.used_today) : null}
              more={limits?.per_day == null ? null : `of ${whole(limits.per_day)} allowed`}
            />
          </dl>
          {spent ? <DayBars spent={spent} name={dayName} /> : <Skeleton height="9rem" />}
        </>
      )}
    </Card>
  );
}

function Figure({ name, value, more }: { name: string; value: string | null; more?: string | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span className="num">{value ?? "–"}</span>
        {more && <span className="muted small"> {more}</span>}
      </dd>
    </div>
  );
}

function dayName(dayOfYear: string): string {
  return new Intl.DateTimeFormat(numberLanguage(), {
    day: "numeric",
    month: "short",
    timeZone: "UTC",
  }).format(new Date(`${dayOfYear}T00:00:00Z`));
}
