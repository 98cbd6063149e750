import type { RecentError } from "@zmarty/client";
import { CircleCheck } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { Button } from "~/components/Button";
import { SelectField, TextField } from "~/components/Field";
import { Card } from "~/components/layout";
import { Badge, Empty } from "~/components/states";
import { whole } from "~/format";
import style from "../admin.module.css";
import { AsOf, type Column, CopyButton, Loaded, More, Rows, When } from "../bits";
import { rowsOf, useErrors } from "../data";
import { choices, type Filter, matching, NO_FILTER } from "../errors";
import { pathOf } from "../partNames";
import { counted } from "../words";

export function ErrorsPart() {
  const query = useErrors();
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  return (
    <Card title="Recent errors" actions={<AsOf time={query.dataUpdatedAt} />}>
      <Loaded query={query}>
        {data => {
          const errors = rowsOf(data);
          if (errors.length === 0) {
            return (
              <Empty icon={<CircleCheck size={32} aria-hidden />} title="No errors">
                Nothing unexpected has happened lately, in the API or in the workers.
              </Empty>
            );
          }
          const shown = matching(errors, filter);
          return (
            <div className={style.stack}>
              <Filters errors={errors} filter={filter} onChange={setFilter} />
              <p className="muted small" role="status">
                {shown.length === errors.length
                  ? `The newest ${counted(errors.length, "error")}`
                  : `${whole(shown.length)} of the newest ${counted(errors.length, "error")}`}
                {query.hasNextPage ? "; there are older ones." : "."}
              </p>
              {shown.length === 0 ? (
                <Empty
                  title="None of these fits"
                  action={<Button onClick={() => setFilter(NO_FILTER)}>Show all</Button>}
                />
              ) : (
                <Rows
                  caption="Recent errors, newest first"
                  columns={COLUMNS}
                  rows={shown}
                  keyOf={error => `${error.database} ${error.id}`}
                />
              )}
              <More query={query} label="Look further back" />
            </div>
          );
        }}
      </Loaded>
    </Card>
  );
}

function Filters({
  errors,
  filter,
  onChange,
}: {
  errors: readonly RecentError[];
  filter: Filter;
  onChange: (filter: Filter) => void;
}) {
  return (
    <div className={style.filters}>
      <SelectField
        label="Service"
        value={filter.service}
        onChange={event => onChange({ ...filter, service: event.target.value })}
      >
        <option value="">All services</option>
        {choices(errors, "service").map(([name, count]) => (
          <option key={name} value={name}>
            {name} ({whole(count)})
          </option>
        ))}
      </SelectField>
      <SelectField
        label="Code"
        value={filter.code}
        onChange={event => onChange({ ...filter, code: event.target.value })}
      >
        <option value="">All codes</option>
        {choices(errors, "code").map(([name, count]) => (
          <option key={name} value={name}>
            {name} ({whole(count)})
          </option>
        ))}
      </SelectField>
      <TextField
        label="Request id or words"
        type="search"
        value={filter.text}
        onChange={event => onChange({ ...filter, text: event.target.value })}
      />
    </div>
  );
}

const COLUMNS: Column<RecentError>[] = [
  { name: "When", cell: error => <When time={error.occurred_at} /> },
  { name: "Service", cell: error => error.service },
  { name: "Code", cell: error => <Badge tone="bad">{error.code}</Badge> },
  {
    name: "What",
    isPlain: true,
    isWide: true,
    cell: error => <span className={style.breaking}>{error.message}</span>,
  },
  { name: "Where", isWide: true, cell: error => <Where error={error} /> },
];

function Where({ error }: { error: RecentError }) {
  if (error.request_id) {
    return (
      <span className={style.where}>
        <code className="small">{error.request_id}</code>
        <CopyButton text={error.request_id} label={`Copy request id ${error.request_id}`} />
      </span>
    );
  }
  if (!error.queue) return <span className="muted">–</span>;
  return (
    <Link href={`${pathOf("dead-letters")}?queue=${error.queue}`} className={style.where}>
      <code className="small">
        {error.queue} {error.msg_id !== null && `#${error.msg_id}`}
      </code>
    </Link>
  );
}
