import type { QueueStanding } from "@zmarty/client";
import { Pause, Play } from "lucide-react";
import { useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import { Ask } from "../Ask";
import { useAction } from "../useAction";

/** Pausing asks first, as nothing is done until somebody resumes; resuming does not. */
export function PauseButton({ queue }: { queue: QueueStanding }) {
  const api = useApi();
  const [isAsked, setIsAsked] = useState(false);
  const { name } = queue;
  const isPaused = queue.paused_at !== null;
  const action = useAction(
    (verb: "pause" | "resume") =>
      verb === "pause"
        ? api.post("/v1/admin/queues/{queue}/pause", { path: { queue: name } })
        : api.post("/v1/admin/queues/{queue}/resume", { path: { queue: name } }),
    answer => {
      if (!answer.changed) return `${name} was ${answer.is_paused ? "paused" : "running"} already.`;
      return answer.is_paused
        ? `${name} is paused. Messages wait until it is resumed.`
        : `${name} hands out messages again.`;
    },
  );
  return (
    <>
      <Button
        size="small"
        isBusy={action.isPending}
        aria-label={`${isPaused ? "Resume" : "Pause"} ${name}`}
        onClick={() => (isPaused ? action.mutate("resume") : setIsAsked(true))}
      >
        {isPaused ? <Play size={14} aria-hidden /> : <Pause size={14} aria-hidden />}
        {isPaused ? "Resume" : "Pause"}
      </Button>
      {isAsked && (
        <Ask
          title={`Pause ${name}?`}
          yes="Pause"
          isBusy={action.isPending}
          onClose={() => setIsAsked(false)}
          onYes={() => action.mutate("pause", { onSettled: () => setIsAsked(false) })}
        >
          Workers finish what they have and take no new messages, through restarts too, until somebody resumes
          it.
        </Ask>
      )}
    </>
  );
}
