import { ApiError, type Connection, isRecord, send } from "./http.ts";
import { watchSilence } from "./silence.ts";
import { readEvents } from "./sse.ts";

const RETRY_BASE_SECONDS = 1;
const RETRY_CAP_SECONDS = 30;
/** The API sends a sign of life every 12 seconds; a silent line is a broken one. */
export const SILENT_SECONDS_MAX = 40;

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
    const line = watchSilence(SILENT_SECONDS_MAX, signal);
    let wait: number | null = null;
    try {
      const response = await send(connection, "get", "/v1/events", {
        signal: line.signal,
        headers: { accept: "text/event-stream", ...(last ? { "last-event-id": last } : {}) },
      });
      for await (const told of readEvents(response, { onHeard: line.heard })) {
        if (told.id !== null) last = told.id;
        const data = dataOf(told.data);
        if (!data) continue;
        if (told.event === "ready") {
          failures = 0;
          onState?.("live");
        }
        tell(onEvent, { type: told.event, data });
      }
    } catch (error) {
      if (error instanceof ApiError) {
        // Without a right to listen there is nothing to come back for; `onSignedOut` has been told.
        if (error.status === 401 || error.status === 403) return;
        wait = error.retryAfter;
      }
    } finally {
      line.end();
    }
    if (signal.aborted) return;
    onState?.("waiting");
    const seconds = wait ?? Math.random() * Math.min(RETRY_CAP_SECONDS, RETRY_BASE_SECONDS * 2 ** failures);
    failures += 1;
    await pause(seconds, signal);
  }
}

/** What is no document is nobody's; the line goes on. */
function dataOf(text: string): Record<string, unknown> | null {
  try {
    const data: unknown = JSON.parse(text);
    return isRecord(data) ? data : null;
  } catch {
    return null;
  }
}

/** A fault of whoever listens is theirs: it shows as an error of the page and does not cut the line. */
function tell(onEvent: LiveListener["onEvent"], event: LiveEvent): void {
  try {
    onEvent(event);
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}

/** Waits, but not for longer than the network is away: its coming back ends the pause. */
function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      globalThis.removeEventListener?.("online", end);
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    signal.addEventListener("abort", end, { once: true });
    globalThis.addEventListener?.("online", end);
  });
}
