import type { QueueStanding } from "@zmarty/client";
import { Pause } from "lucide-react";
import { Badge } from "~/components/states";
import style from "../admin.module.css";
import { personOf } from "../audit";
import { stateOfQueue } from "../queueOrder";

/** What is unusual about a queue: that it is late, or that somebody has paused it. */
export function QueueMark({ queue }: { queue: QueueStanding }) {
  const state = stateOfQueue(queue);
  if (state === "late") return <Badge tone="bad">late</Badge>;
  if (state !== "paused") return null;
  return (
    <span className={style.paused}>
      <Badge tone="warn">
        <Pause size={12} aria-hidden />
        paused
      </Badge>
      {queue.paused_by && <span className="muted small">by {personOf(queue.paused_by)}</span>}
    </span>
  );
}
