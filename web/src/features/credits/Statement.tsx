import type { StatementAnswer } from "@zmarty/client";
import { useState } from "react";
import { SelectField } from "~/components/Field";
import { Card } from "~/components/layout";
import { SkeletonRows, Trouble } from "~/components/states";
import { modelName } from "~/features/chat/models";
import { numberLanguage, signed, whole } from "~/format";
import style from "./credits.module.css";
import { monthOf, monthsSince } from "./days";
import { useProfile, useStatement } from "./useCredits";
import { KINDS } from "./words";

/** A month of the ledger: what was there, what moved, what was left. */
export function Statement() {
  const now = new Date();
  const { data: profile } = useProfile();
  const [month, setMonth] = useState(monthOf(now));
  const { data, error, refetch } = useStatement(month);
  const months = monthsSince(profile ? new Date(profile.member_since) : now, now);
  return (
    <Card title="Monthly statement">
      <div className={style.form}>
        <SelectField label="Month" value={month} onChange={event => setMonth(event.target.value)}>
          {months.map(one => (
            <option key={one} value={one}>
              {monthName(one)}
            </option>
          ))}
        </SelectField>
        {data ? (
          <Sums statement={data} />
        ) : error ? (
          <Trouble error={error} onRetry={refetch} />
        ) : (
          <SkeletonRows rows={4} height="1.5rem" />
        )}
      </div>
    </Card>
  );
}

function Sums({ statement: { opening, totals, closing } }: { statement: StatementAnswer }) {
  return (
    <dl className={style.sums} data-testid="statement">
      <div>
        <dt>At the beginning</dt>
        <dd className="num">{whole(opening)}</dd>
      </div>
      {totals.map(({ kind, model, entries, credits }) => (
        <div key={`${kind} ${model}`}>
          <dt>
            {KINDS[kind]}
            <span className="muted small">
              {model ? ` · ${modelName(model)}` : ""} · {entries === 1 ? "once" : `${whole(entries)} times`}
            </span>
          </dt>
          <dd className="num">{signed(credits)}</dd>
        </div>
      ))}
      <div className={style.closing}>
        <dt>At the end</dt>
        <dd className="num">{whole(closing)}</dd>
      </div>
    </dl>
  );
}

function monthName(month: string): string {
  return new Intl.DateTimeFormat(numberLanguage(), {
    month: "long",
    year: "numeric",
    timeZone: "UTC",
  }).format(new Date(`${month}-01T00:00:00Z`));
}
