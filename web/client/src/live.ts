import { ApiError, type Connection, send } from "./http";
import { readEvents } from "./sse";

const RETRY_BASE_SECONDS = 1;
const RETRY_CAP_SECONDS = 30;
/** The API sends a sign of life more often than this; a silent line is a broken one. */
const SILENT_SECONDS_MAX = 90;

export interface LiveEvent {
  type: string;
  data: Record<string, unknown>;
}

export type LiveState = "connecting" | "live" | "waiting";

export interface LiveListener {
  onEvent: (event: LiveEvent) => void;
  /** The line came or went. */
  onState?: (state: LiveState) => void;
}

/**
 * Everything that happens to what the user watches, until `signal` says stop. Connects again by itself, with a growing
 * pause, and goes on where it was; after `reset` something was missed, and what is shown has to be read anew.
 */
export async function follow(
  connection: Connection,
  { onEvent, onState }: LiveListener,
  signal: AbortSignal,
) {
  let last: string | null = null;
  let failures = 0;
  while (!signal.aborted) {
    onState?.("connecting");
    const line = new AbortController();
    const hangUp = () => line.abort();
    signal.addEventListener("abort", hangUp, { once: true });
    let silence = setTimeout(hangUp, SILENT_SECONDS_MAX * 1000);
    let wait: number | null = null;
    try {
      const response = await send(connection, "get", "/v1/events", {
        signal: line.signal,
        headers: { accept: "text/event-stream", ...(last ? { "last-event-id": last } : {}) },
      });
      for await (const event of readEvents(response)) {
        clearTimeout(silence);
        silence = setTimeout(hangUp, SILENT_SECONDS_MAX * 1000);
        if (event.id !== null) last = event.id;
        if (!event.data) continue;
        if (event.event === "ready") {
          failures = 0;
          onState?.("live");
        }
        onEvent({ type: event.event, data: JSON.parse(event.data) });
      }
    } catch (error) {
      if (error instanceof ApiError) {
        if (error.status === 401 || error.status === 403) return;
        wait = error.retryAfter;
      }
    } finally {
      clearTimeout(silence);
      signal.removeEventListener("abort", hangUp);
    }
    if (signal.aborted) return;
    onState?.("waiting");
    const seconds = wait ?? Math.random() * Math.min(RETRY_CAP_SECONDS, RETRY_BASE_SECONDS * 2 ** failures);
    failures += 1;
    await pause(seconds, signal);
  }
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    signal.addEventListener("abort", end, { once: true });
  });
}
