import type { QueueOverview, Worker } from "@zmarty/client";
import { Card } from "~/components/layout";
import { Badge, Empty, Notice } from "~/components/states";
import { duration, whole } from "~/format";
import style from "../admin.module.css";
import { type Column, Rows } from "../bits";
import { version } from "../words";
import { labourOf, stateOfWorker, type WorkerState } from "../workers";

const TONES: Record<WorkerState, "good" | "warn" | "bad"> = {
  working: "good",
  stalled: "warn",
  silent: "bad",
};
/** Vacuum is held back by design for moments; longer than this somebody forgot a transaction. */
const HORIZON_SECONDS = 60;

export function Workers({ workers, horizon }: Pick<QueueOverview, "workers" | "horizon">) {
  return (
    <Card title="Workers">
      {horizon && horizon.age_seconds > HORIZON_SECONDS && (
        <Notice tone="warn" title="A transaction has been open for long">
          {horizon.application_name || "Somebody"} (pid {horizon.pid}, {horizon.state}) has one open for{" "}
          {duration(horizon.age_seconds)}. Until it ends, the queues’ tables cannot be cleared.
        </Notice>
      )}
      {workers.length === 0 ? (
        <Empty title="No worker has reported">
          Without one, nothing is ingested and no signal is computed.
        </Empty>
      ) : (
        <Rows
          caption="Workers"
          columns={COLUMNS}
          rows={workers}
          keyOf={worker => worker.worker_id}
          toneOf={worker =>
            ({ working: undefined, stalled: "warn" as const, silent: "bad" as const })[stateOfWorker(worker)]
          }
        />
      )}
    </Card>
  );
}

const COLUMNS: Column<Worker>[] = [
  { name: "Worker", isPlain: true, cell: worker => <code className={style.nowrap}>{worker.worker_id}</code> },
  {
    name: "State",
    cell: worker => <Badge tone={TONES[stateOfWorker(worker)]}>{stateOfWorker(worker)}</Badge>,
  },
  { name: "Beat", isEnd: true, cell: worker => `${duration(worker.beat_age_seconds)} ago` },
  { name: "Progress", isEnd: true, cell: worker => `${duration(worker.progress_age_seconds)} ago` },
  {
    name: "Up",
    isEnd: true,
    cell: worker =>
      duration(
        (new Date(worker.beat_at).getTime() - new Date(worker.started_at).getTime()) / 1000 +
          worker.beat_age_seconds,
      ),
  },
  { name: "In flight", isEnd: true, cell: worker => whole(labourOf(worker).inFlight) },
  { name: "Done", isEnd: true, cell: worker => whole(labourOf(worker).done) },
  {
    name: "Not done",
    isEnd: true,
    cell: worker => {
      const { ended, done } = labourOf(worker);
      return whole(ended - done);
    },
  },
  { name: "Retries", isEnd: true, cell: worker => whole(labourOf(worker).retries) },
  {
    name: "Leases lost",
    isEnd: true,
    cell: worker => {
      const { renewed, lost } = labourOf(worker);
      return <span title={`${whole(renewed)} renewed`}>{whole(lost)}</span>;
    },
  },
  {
    name: "Mean time",
    isEnd: true,
    cell: worker => {
      const { ended, milliseconds } = labourOf(worker);
      return ended > 0 ? duration(milliseconds / ended / 1000) : "–";
    },
  },
  { name: "Version", isEnd: true, cell: worker => <code>{version(worker.version)}</code> },
];
