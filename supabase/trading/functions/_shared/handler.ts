/** One request of the relay: bounds → signature → change → one transaction → answer, within a second. */

import { type Apply, DatabaseFailed, type Event, type Outcome, RowRefused } from "./database.ts";
import { FieldsInvalid, isRow, type Json, type Row } from "./fields.ts";
import { SignatureMismatch, signedText, type Stamp, stampFrom } from "./signature.ts";

export const BODY_BYTES_MAX = 65_536;
export const EVENTS_MAX = 100;
export const BUDGET_MS = 900;
const VERSION = /^[1-9]\d{0,18}$/;
const VERSION_MAX = 2n ** 63n - 1n;

export interface Settings<Change> {
  secrets: string[];
  /** Read one event's payload, or throw FieldsInvalid. */
  read: (payload: Row) => Change;
  apply: Apply<Change>;
  now: () => Date;
  log: (line: Row) => void;
}

interface Answer {
  status: number;
  body: Row;
  headers?: Record<string, string>;
}

interface Work<Change> {
  events: Event<Change>[];
  answer: (outcomes: Outcome[]) => Row;
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Json = null,
  ) {
    super(message);
  }
}

export function handlerFrom<Change>(settings: Settings<Change>): (request: Request) => Promise<Response> {
  return async (request) => {
    const started = performance.now();
    const requestId = crypto.randomUUID();
    const noted: Row = {};
    const { status, body, headers } = await answer(request, settings, noted).catch((error) =>
      refused(error, requestId)
    );
    settings.log({
      level: status >= 500 ? "error" : status >= 400 ? "warning" : "info",
      event: "webhook_answered",
      request_id: requestId,
      method: request.method,
      status,
      ...noted,
      ...("error" in body ? { error: body.error, message: body.message } : summary(body)),
      duration_ms: Math.round((performance.now() - started) * 10) / 10,
    });
    return Response.json(body, { status, headers: { ...headers, "x-request-id": requestId } });
  };
}

/** What a line says of an answer: a batch is counted, because its events are told of by whoever sent them. */
function summary(body: Row): Row {
  if (!Array.isArray(body.results)) return body;
  const counts: Record<string, number> = {};
  for (const result of body.results) {
    const word = isRow(result) ? String(result.result ?? result.error) : "";
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return { events: body.results.length, results: counts };
}

async function answer<Change>(request: Request, settings: Settings<Change>, noted: Row): Promise<Answer> {
  if (request.method !== "POST") throw new Refusal(405, "method_not_allowed", "send events with POST");
  if (settings.secrets.length === 0) {
    throw new Refusal(503, "secrets_missing", "set WATCHERS_WEBHOOK_SECRETS to accept events");
  }
  const deadline = AbortSignal.timeout(BUDGET_MS);
  const stamp = stampFrom(request.headers, settings.now());
  const body = await within(deadline, readBody(request));
  const text = signedText(settings.secrets, stamp, body);
  noted.webhook_id = stamp.id;
  const work = workFrom(payloadFrom(text), stamp, settings.read);
  // Nothing to do is no reason to ask the database.
  const outcomes = work.events.length > 0
    ? await within(deadline, settings.apply(work.events, deadline))
    : [];
  return { status: 200, body: work.answer(outcomes) };
}

async function readBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new Refusal(413, "body_too_large", `a body holds at most ${BODY_BYTES_MAX} bytes`);
  if (Number(request.headers.get("content-length") ?? 0) > BODY_BYTES_MAX) throw tooLarge();
  const body = new Uint8Array(BODY_BYTES_MAX);
  let length = 0;
  try {
    // Counted while reading: a chunked request announces no length.
    for await (const piece of request.body ?? []) {
      if (length + piece.length > BODY_BYTES_MAX) throw tooLarge();
      body.set(piece, length);
      length += piece.length;
    }
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(400, "body_malformed", "the body broke off");
  }
  return body.subarray(0, length);
}

function payloadFrom(text: string): Record<string, Json> {
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refusal(400, "body_malformed", "the body is not JSON");
    throw error;
  }
  if (!isRow(payload)) throw new Refusal(400, "body_malformed", "the body is not a JSON object");
  return payload;
}

/** One event under its own webhook-id, or a batch `{"events": [{"id", …}]}` whose events are judged one by one. */
function workFrom<Change>(payload: Row, stamp: Stamp, read: (payload: Row) => Change): Work<Change> {
  if (!("events" in payload)) {
    const event = { version: versionFrom(stamp.id, "webhook-id"), change: read(payload) };
    return { events: [event], answer: ([outcome]) => ({ result: resultOf(outcome) }) };
  }
  if (!Array.isArray(payload.events) || payload.events.length > EVENTS_MAX) {
    throw new FieldsInvalid([{ field: "events", rule: `must be a list of at most ${EVENTS_MAX} events` }]);
  }
  const judged = payload.events.map((value) => judge(value, read));
  return {
    events: judged.flatMap(({ event }) => event ?? []),
    answer: (outcomes) => {
      const pending = outcomes.values();
      return {
        results: judged.map(({ id, event, errors }): Json =>
          event ? told(id, pending.next().value!) : { id, error: "field_invalid", details: errors }
        ),
      };
    },
  };
}

function judge<Change>(
  value: Json,
  read: (payload: Row) => Change,
): { id: Json; event?: Event<Change>; errors: Json } {
  const row = isRow(value) ? value : {};
  const id = row.id ?? null;
  try {
    return { id, event: { version: versionFrom(String(id), "id"), change: read(row) }, errors: null };
  } catch (error) {
    if (error instanceof FieldsInvalid) return { id, errors: fields(error) };
    throw error;
  }
}

function told(id: Json, outcome: Outcome): Json {
  return outcome instanceof RowRefused
    ? { id, error: "field_invalid", message: outcome.message, details: null }
    : { id, result: outcome };
}

function resultOf(outcome: Outcome): string {
  if (outcome instanceof RowRefused) throw outcome;
  return outcome;
}

function versionFrom(id: string, field: string): string {
  if (!VERSION.test(id) || BigInt(id) > VERSION_MAX) {
    throw new FieldsInvalid([{ field, rule: "must be the id of an outbox row" }]);
  }
  return id;
}

/** Wait for `work` no longer than the budget; what it started may still end well, and repeating it is safe. */
async function within<T>(deadline: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const end = () =>
    reject(new Refusal(503, "budget_exceeded", `no answer within ${BUDGET_MS} ms, try again`));
  deadline.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([work, over]);
  } finally {
    deadline.removeEventListener("abort", end);
  }
}

function refused(error: unknown, requestId: string): Answer {
  const refusal = refusalFrom(error);
  return {
    status: refusal.status,
    body: { error: refusal.code, message: refusal.message, details: refusal.details, request_id: requestId },
    headers: refusal.status === 405 ? { allow: "POST" } : {},
  };
}

function refusalFrom(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof SignatureMismatch) return new Refusal(401, "signature_invalid", error.message);
  if (error instanceof FieldsInvalid) return new Refusal(422, "field_invalid", error.message, fields(error));
  if (error instanceof RowRefused) return new Refusal(422, "field_invalid", error.message);
  if (error instanceof DatabaseFailed) return new Refusal(503, "database_unavailable", error.message);
  // A fault of ours; its name helps, its text could quote a body.
  const name = error instanceof Error ? error.name : typeof error;
  return new Refusal(500, "internal_error", `unexpected ${name}`);
}

function fields(error: FieldsInvalid): Json {
  return error.errors.map(({ field, rule }) => ({ field, rule }));
}
