/** A server for tests: answers in memory, in pieces of one's choosing. */
import type { Connection } from "./http.ts";

export interface Asked {
  method: string;
  url: string;
  headers: Headers;
  body: unknown;
  signal: AbortSignal | null;
}

type Answering = (asked: Asked) => Response | Promise<Response>;

/** A connection whose requests are answered by `answering`, with what was asked so far. */
export function connectionTo(answering: Answering, given: Partial<Connection> = {}) {
  const asked: Asked[] = [];
  const connection: Connection = {
    apiUrl: "https://api.test",
    accessToken: async () => "token",
    fetch: async (url, init = {}) => {
      const one: Asked = {
        method: init.method ?? "GET",
        url: String(url),
        headers: new Headers(init.headers),
        body: typeof init.body === "string" ? JSON.parse(init.body) : undefined,
        signal: init.signal ?? null,
      };
      asked.push(one);
      return unlessAborted(Promise.resolve(answering(one)), one.signal);
    },
    ...given,
  };
  return { connection, asked };
}

/** A response whose body comes in these pieces; `signal` breaks it off, as that of a fetch does. */
export function streamOf(
  pieces: (string | Uint8Array)[],
  {
    signal,
    isOpen = false,
    onCancel,
  }: { signal?: AbortSignal | null; isOpen?: boolean; onCancel?: () => void } = {},
): Response {
  const encoder = new TextEncoder();
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    start: controller => {
      signal?.addEventListener("abort", () => controller.error(signal.reason));
    },
    pull: controller => {
      const piece = pieces[at];
      at += 1;
      if (piece !== undefined) controller.enqueue(typeof piece === "string" ? encoder.encode(piece) : piece);
      else if (!isOpen) controller.close();
      else return new Promise(() => undefined);
    },
    cancel: () => onCancel?.(),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

export function json(document: unknown, init: ResponseInit = {}): Response {
  return new Response(JSON.stringify(document), init);
}

export function frames(...documents: (object | string)[]): string {
  return documents
    .map(document => `data: ${typeof document === "string" ? document : JSON.stringify(document)}\n\n`)
    .join("");
}

export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const value of values) seen.push(value);
  return seen;
}

function unlessAborted(answer: Promise<Response>, signal: AbortSignal | null): Promise<Response> {
  if (!signal) return answer;
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
    answer.then(resolve, reject);
  });
}
