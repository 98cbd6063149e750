import type { CronRun } from "@zmarty/client";
import { Card } from "~/components/layout";
import { Badge, Empty } from "~/components/states";
import { dateTime, duration } from "~/format";
import style from "../admin.module.css";
import { AsOf, type Column, Loaded, Rows, Tile, Tiles } from "../bits";
import { useCron } from "../data";
import { type Schedule, saidSchedule, schedulesOf } from "../schedules";
import { counted } from "../words";

export function SchedulesPart({ reasons }: { reasons: readonly string[] }) {
  const cron = useCron();
  return (
    <Loaded query={cron}>
      {({ runs }) => {
        const schedules = schedulesOf(runs, reasons);
        const late = schedules.filter(one => one.isLate).length;
        const failed = schedules.filter(one => one.isFailed).length;
        return (
          <>
            <Tiles>
              <Tile name="Schedules" value={schedules.length} note="in both databases" />
              <Tile
                name="Late"
                value={late}
                tone={late > 0 ? "warn" : undefined}
                note={late > 0 ? "should have run by now" : "all in time"}
              />
              <Tile
                name="Failed"
                value={failed}
                tone={failed > 0 ? "bad" : undefined}
                note="at their newest run"
              />
            </Tiles>
            <Card title="Schedules" actions={<AsOf time={cron.dataUpdatedAt} />}>
              {schedules.length === 0 ? (
                <Empty title="There are no schedules" />
              ) : (
                <Rows
                  caption="Schedules, late and failed ones first"
                  columns={COLUMNS}
                  rows={schedules}
                  keyOf={one => `${one.database} ${one.job}`}
                  toneOf={one => (one.isFailed ? "bad" : one.isLate ? "warn" : undefined)}
                />
              )}
            </Card>
          </>
        );
      }}
    </Loaded>
  );
}

const COLUMNS: Column<Schedule>[] = [
  {
    name: "Schedule",
    isPlain: true,
    cell: one => (
      <span className={style.named}>
        <code>{one.job}</code>
        {one.isLate && <Badge tone="warn">late</Badge>}
      </span>
    ),
  },
  { name: "Database", cell: one => one.database },
  {
    name: "When",
    cell: one => (
      <span title={one.cron} className={style.nowrap}>
        {saidSchedule(one.cron)}
      </span>
    ),
  },
  {
    name: "Last run",
    isEnd: true,
    cell: ({ newest }) =>
      newest.started_at && newest.age_seconds !== null ? (
        <time dateTime={newest.started_at} title={dateTime(newest.started_at)} className={style.nowrap}>
          {duration(newest.age_seconds)} ago
        </time>
      ) : (
        <span className="muted">not yet</span>
      ),
  },
  {
    name: "Took",
    isEnd: true,
    cell: ({ newest }) =>
      newest.started_at && newest.ended_at
        ? duration((new Date(newest.ended_at).getTime() - new Date(newest.started_at).getTime()) / 1000)
        : "–",
  },
  {
    name: "Newest runs",
    cell: one => (
      <span className={style.runs}>
        {one.runs.map(run => (
          <RunMark key={run.started_at} run={run} />
        ))}
        {one.failures > 0 && <span className="small">{counted(one.failures, "failure")}</span>}
      </span>
    ),
  },
  { name: "Result", isWide: true, cell: ({ newest }) => <Result run={newest} /> },
];

function RunMark({ run }: { run: CronRun }) {
  const told = `${run.status} · ${run.started_at ? dateTime(run.started_at) : ""}${run.message ? ` · ${run.message}` : ""}`;
  const tone = run.status === "failed" ? "bad" : run.status === "succeeded" ? "good" : "warn";
  return <i className={style.run} data-tone={tone} title={told} role="img" aria-label={told} />;
}

function Result({ run }: { run: CronRun }) {
  if (run.status === "failed") {
    return (
      <>
        <Badge tone="bad">failed</Badge> <span className="small">{run.message}</span>
      </>
    );
  }
  if (run.status === "succeeded") return <Badge tone="good">succeeded</Badge>;
  return run.status ? <Badge tone="warn">{run.status}</Badge> : <span className="muted">–</span>;
}
