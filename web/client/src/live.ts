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

/** How often another token is looked for after one was refused; with the pauses between, some ten minutes. */
export const TOKEN_LOOKS_MAX = 40;

/** `delayed`: the line stands, but the server cannot read what happens; it is told late, not lost. */
export type LiveState = "connecting" | "live" | "delayed" | "waiting";

export interface LiveListener {
  onEvent: (event: LiveEvent) => void;
  /** The line came or went. */
  onState?: (state: LiveState) => void;
}

/**
 * Everything that happens to what the user watches, until `signal` says stop. Connects again by itself, with a growing
 * pause, and goes on where it was; after `reset` something was missed, and what is shown has to be read anew. Ends by
 * itself when the user may not listen, and when no other token comes for long after one was refused.
 */
export async function follow(
  connection: Connection,
  { onEvent, onState }: LiveListener,
  signal: AbortSignal,
) {
  let token: string | null = null;
  const told: Connection = {
    ...connection,
    accessToken: async () => {
      token = await connection.accessToken();
      return token;
    },
  };
  let last: string | null = null;
  let failures = 0;
  while (!signal.aborted) {
    onState?.("connecting");
    const line = watchSilence(SILENT_SECONDS_MAX, signal);
    let wait: number | null = null;
    let isRefused = false;
    let isDelayed = false;
    try {
      const response = await send(told, "get", "/v1/events", {
        signal: line.signal,
        headers: { accept: "text/event-stream", ...(last ? { "last-event-id": last } : {}) },
      });
      for await (const { event, id, data: text } of readEvents(response, { onHeard: line.heard })) {
        if (id !== null) last = id;
        const data = dataOf(text);
        if (!data) continue;
        // A line begins with one of these two: after `reset` there is no `ready`.
        const isBegin = event === "ready" || event === "reset";
        if (isBegin) failures = 0;
        if (event === "status") isDelayed = data.live === false;
        if (isBegin || event === "status") onState?.(isDelayed ? "delayed" : "live");
        tell(onEvent, { type: event, data });
      }
    } catch (error) {
      if (error instanceof ApiError) {
        // Without a right to listen there is nothing to come back for.
        if (error.status === 403) return;
        isRefused = error.status === 401;
        wait = error.retryAfter;
      }
    } finally {
      line.end();
    }
    if (signal.aborted) return;
    onState?.("waiting");
    // `onSignedOut` has been told; the same token would only be refused again.
    if (isRefused && !(await isRenewed(connection, token, signal))) return;
    await pause(wait ?? secondsAfter(failures), signal);
    failures += 1;
  }
}

/** Waits for another token than the refused one, without asking the API; whether it came. */
async function isRenewed(connection: Connection, refused: string | null, signal: AbortSignal) {
  for (let looks = 0; looks < TOKEN_LOOKS_MAX && !signal.aborted; looks += 1) {
    // One that cannot be renewed now may be later.
    const token = await connection.accessToken().catch(() => null);
    if (token !== null && token !== refused) return true;
    await pause(secondsAfter(looks), signal);
  }
  return false;
}

function secondsAfter(failures: number): number {
  return Math.random() * Math.min(RETRY_CAP_SECONDS, RETRY_BASE_SECONDS * 2 ** failures);
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
