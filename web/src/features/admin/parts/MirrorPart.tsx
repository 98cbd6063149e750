import type { OutboxRow, QueueStanding } from "@zmarty/client";
import { RotateCcw } from "lucide-react";
import { useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import { Card } from "~/components/layout";
import { Badge, Empty, SkeletonRows } from "~/components/states";
import { dateTime, duration, whole } from "~/format";
import { Ask } from "../Ask";
import style from "../admin.module.css";
import { AsOf, type Column, Loaded, More, Rows, Tile, Tiles, TilesLoading, When } from "../bits";
import { useCron, useOutbox } from "../data";
import { LETTERS_MAX } from "../letters";
import { schedulesOf } from "../schedules";
import { useAction } from "../useAction";
import { counted } from "../words";

/** What brings the copy of users' choices in the trading database back in line. */
const REPAIRS = ["mirror-references", "reconcile"];
const LATE_SECONDS = 60;

export function MirrorPart({ queues, reasons }: { queues: QueueStanding[]; reasons: readonly string[] }) {
  const query = useOutbox();
  return (
    <Loaded
      query={query}
      loading={
        <>
          <TilesLoading count={3} />
          <Card>
            <SkeletonRows rows={4} />
          </Card>
        </>
      }
    >
      {data => {
        const [first] = data.pages;
        if (!first) return null;
        const { outbox, oldest } = first;
        const isLate = (outbox.oldest_age_seconds ?? 0) > LATE_SECONDS;
        return (
          <>
            <Tiles>
              <Tile
                name="On their way"
                value={whole(outbox.pending)}
                note={outbox.pending === 0 ? "every change has arrived" : "changes of users"}
              />
              <Tile
                name="Oldest"
                value={outbox.oldest_age_seconds === null ? "–" : duration(outbox.oldest_age_seconds)}
                note={
                  oldest
                    ? `${oldest.type ?? "?"} ${oldest.table_name ?? ""}, ${counted(oldest.attempts, "attempt")}`
                    : "nothing waits"
                }
                tone={isLate ? "warn" : undefined}
              />
              <Tile
                name="Parked"
                value={whole(outbox.parked)}
                note={outbox.parked > 0 ? "wait for an operator" : "none was refused"}
                tone={outbox.parked > 0 ? "bad" : undefined}
              />
            </Tiles>
            {oldest?.last_error && (
              <Card title="Why the oldest waits">
                <p className={style.breaking}>{oldest.last_error}</p>
                <p className="muted small">Next attempt: {dateTime(oldest.due_at)}.</p>
              </Card>
            )}
            <Parked rows={data.pages.flatMap(page => page.parked)} query={query} />
            <Reconciling queues={queues} reasons={reasons} />
          </>
        );
      }}
    </Loaded>
  );
}

function Parked({ rows, query }: { rows: OutboxRow[]; query: ReturnType<typeof useOutbox> }) {
  const api = useApi();
  const [asked, setAsked] = useState<number[] | null>(null);
  const retry = useAction(
    (ids: number[]) => api.post("/v1/admin/outbox/retry", { body: { ids } }),
    ({ retried }, ids) =>
      retried.length === ids.length
        ? `${counted(ids.length, "change")} on the way again.`
        : `${whole(retried.length)} of ${counted(ids.length, "change")} on the way again; the rest was not parked any more.`,
  );
  const all = rows.slice(0, LETTERS_MAX).map(row => row.id);
  return (
    <Card
      title="Parked changes"
      actions={
        <span className={style.rowActions}>
          <AsOf time={query.dataUpdatedAt} />
          {rows.length > 1 && (
            <Button size="small" isBusy={retry.isPending} onClick={() => setAsked(all)}>
              Retry all {whole(all.length)}
            </Button>
          )}
        </span>
      }
    >
      {rows.length === 0 ? (
        <Empty title="No change was refused">What users change reaches the trading database.</Empty>
      ) : (
        <>
          <Rows
            caption="Parked changes"
            columns={columnsOf(retry.isPending, id => setAsked([id]))}
            rows={rows}
            keyOf={row => row.id}
          />
          <More query={query} label="Show more" />
        </>
      )}
      {asked && (
        <Ask
          title={`Retry ${counted(asked.length, "change")}?`}
          yes="Retry"
          isBusy={retry.isPending}
          onClose={() => setAsked(null)}
          onYes={() => retry.mutate(asked, { onSettled: () => setAsked(null) })}
        >
          The relay sends it again. If newer changes arrived meanwhile, the receiving side keeps those.
        </Ask>
      )}
    </Card>
  );
}

function columnsOf(isBusy: boolean, retry: (id: number) => void): Column<OutboxRow>[] {
  return [
    { name: "Id", cell: row => <code>{row.id}</code> },
    { name: "Change", cell: row => `${row.type ?? "?"} ${row.table_name ?? ""}` },
    {
      name: "Why",
      isWide: true,
      cell: row => <span className={style.breaking}>{row.last_error ?? "–"}</span>,
    },
    { name: "User", isWide: true, cell: row => <code className="small">{row.user_id}</code> },
    { name: "Parked", cell: row => (row.parked_at ? <When time={row.parked_at} /> : "–") },
    { name: "Attempts", isEnd: true, cell: row => whole(row.attempts) },
    {
      name: "Actions",
      isBare: true,
      isEnd: true,
      cell: row => (
        <Button
          size="small"
          disabled={isBusy}
          aria-label={`Retry change ${row.id}`}
          onClick={() => retry(row.id)}
        >
          <RotateCcw size={14} aria-hidden />
          Retry
        </Button>
      ),
    },
  ];
}

function Reconciling({ queues, reasons }: { queues: QueueStanding[]; reasons: readonly string[] }) {
  const cron = useCron();
  const queue = queues.find(one => one.name === "reconcile");
  return (
    <Card title="Reconciling">
      <Loaded query={cron} loading={<SkeletonRows rows={2} />}>
        {({ runs }) => (
          <dl className={style.facts}>
            {schedulesOf(runs, reasons)
              .filter(one => REPAIRS.includes(one.job))
              .map(({ database, job, newest, isLate, isFailed }) => (
                <div key={`${database} ${job}`}>
                  <dt>
                    <code>{job}</code>
                  </dt>
                  <dd>
                    {isFailed ? (
                      <Badge tone="bad">failed</Badge>
                    ) : isLate ? (
                      <Badge tone="warn">late</Badge>
                    ) : (
                      <Badge tone={newest.started_at ? "good" : "flat"}>{newest.status ?? "not yet"}</Badge>
                    )}{" "}
                    {newest.age_seconds !== null && `${duration(newest.age_seconds)} ago`}
                  </dd>
                </div>
              ))}
            {queue && (
              <div>
                <dt>
                  Queue <code>reconcile</code>
                </dt>
                <dd>
                  {queue.paused_at ? (
                    <Badge tone="warn">paused</Badge>
                  ) : (
                    `${counted(queue.archived, "run")} kept, ${whole(queue.depth)} waiting, ${whole(queue.dead)} dead`
                  )}
                </dd>
              </div>
            )}
          </dl>
        )}
      </Loaded>
    </Card>
  );
}
