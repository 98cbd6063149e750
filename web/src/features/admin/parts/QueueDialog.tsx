import type { QueueMessage, QueueStanding } from "@zmarty/client";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import { Dialog } from "~/components/Dialog";
import { Badge, Empty, type Tone } from "~/components/states";
import { dateTime, whole } from "~/format";
import { Ask } from "../Ask";
import style from "../admin.module.css";
import { Loaded, More, Source, When } from "../bits";
import { rowsOf, useMessages } from "../data";
import { ages, depths, type Look, rates } from "../samples";
import { TrendChart } from "../TrendChart";
import { useAction } from "../useAction";
import { bytes, counted, perMinute, spaced, waiting } from "../words";
import { PauseButton } from "./PauseButton";
import { QueueMark } from "./QueueMark";

/** One queue in full: how it went, what lies in it, and what can be done about it. */
export function QueueDialog({
  queue,
  looks,
  onClose,
}: {
  queue: QueueStanding;
  looks: Look[];
  onClose: () => void;
}) {
  const { name } = queue;
  return (
    <Dialog isOpen isWide onClose={onClose} title={name}>
      <div className={style.stack}>
        <div className={style.bar2}>
          <QueueMark queue={queue} />
          <span className="muted small">
            {queue.paused_at ? `since ${dateTime(queue.paused_at)} · ` : ""}
            {counted(queue.total, "message")} ever sent · table {bytes(queue.table_bytes)},{" "}
            {counted(queue.dead_tuples, "row")} to clear
          </span>
          <span className={style.rowActions}>
            <PauseButton queue={queue} />
            <Purge name={name} />
          </span>
        </div>
        <div className={style.charts}>
          <TrendChart title="Depth" points={depths(looks, name)} say={value => whole(value)} tone="info" />
          <TrendChart title="Oldest due" points={ages(looks, name)} say={waiting} tone="warn" />
          <TrendChart title="Carried out" points={rates(looks, name)} say={perMinute} />
        </div>
        <Messages queue={name} />
      </div>
    </Dialog>
  );
}

function Purge({ name }: { name: string }) {
  const api = useApi();
  const [isAsked, setIsAsked] = useState(false);
  const purge = useAction(
    () => api.post("/v1/admin/queues/{queue}/purge", { path: { queue: name }, body: { confirm: name } }),
    ({ purged, limit }) =>
      `${counted(purged, "message")} of ${name} deleted.${purged >= limit ? " There may be more: purge again." : ""}`,
  );
  return (
    <>
      <Button kind="danger" size="small" aria-label={`Purge ${name}`} onClick={() => setIsAsked(true)}>
        <Trash2 size={14} aria-hidden />
        Purge
      </Button>
      {isAsked && (
        <Ask
          title={`Purge ${name}?`}
          yes="Delete the messages"
          isHarmful
          word={name}
          isBusy={purge.isPending}
          onClose={() => setIsAsked(false)}
          onYes={() => purge.mutate(undefined, { onSettled: () => setIsAsked(false) })}
        >
          Deletes its messages for good, also those that are postponed or in flight. Dead letters stay.
        </Ask>
      )}
    </>
  );
}

const TONES: Record<QueueMessage["state"], Tone> = { due: "good", postponed: "warn", in_flight: "info" };

function Messages({ queue }: { queue: string }) {
  const messages = useMessages(queue);
  return (
    <section className={style.stack} aria-label={`Messages of ${queue}`}>
      <h3>Messages in the order they are due</h3>
      <Loaded query={messages}>
        {data => {
          const rows = rowsOf(data);
          if (rows.length === 0)
            return <Empty title="The queue is empty">Looking takes no message away.</Empty>;
          return (
            <>
              <ul className={style.messages}>
                {rows.map(row => (
                  <li key={row.msg_id}>
                    <Message row={row} />
                  </li>
                ))}
              </ul>
              <More query={messages} label="Show later ones" />
            </>
          );
        }}
      </Loaded>
    </section>
  );
}

function Message({ row }: { row: QueueMessage }) {
  return (
    <details className={style.message}>
      <summary>
        <span className={style.messageHead}>
          <code>#{row.msg_id}</code>
          <Badge tone={TONES[row.state]}>{spaced(row.state)}</Badge>
          <span className="muted small">
            due <When time={row.due_at} /> · {counted(row.read_count, "read")}
            {row.failure_code && (
              <>
                {" "}
                · last failure <code>{row.failure_code}</code>
              </>
            )}
          </span>
        </span>
        <code className={style.excerpt}>{JSON.stringify(row.message)}</code>
      </summary>
      <div className={style.stack}>
        <p className="muted small">
          Sent {dateTime(row.enqueued_at)} · due {dateTime(row.due_at)}
          {row.first_failed_at && ` · first failed ${dateTime(row.first_failed_at)}`}
        </p>
        {row.failure && <p className="small">{row.failure}</p>}
        <Source title="Message" value={row.message} />
      </div>
    </details>
  );
}
