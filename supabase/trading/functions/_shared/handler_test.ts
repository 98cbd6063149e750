import assert from "node:assert/strict";
import { Webhook } from "standardwebhooks";
import { type Change, changesFrom } from "../watchers-upsert/change.ts";
import { type Apply, DatabaseFailed, type Event, type Result, RowRefused } from "./database.ts";
import { BODY_BYTES_MAX, BUDGET_MS, handlerFrom } from "./handler.ts";

// The frame is tried with the changes of watchers-upsert; what it does is the same for every function.
type ApplyChanges = Apply<Change[]>;

const SECRET = `whsec_${btoa("k".repeat(32))}`;
const NOW = new Date("2026-11-21T03:00:00Z");
const row = {
  user_id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
  symbol: "BTC/USDT",
  timeframe: "1h",
  strategy: {},
  active: true,
};
const insert = { type: "INSERT", table: "user_symbols", schema: "public", record: row, old_record: null };

/** The rule of the database in memory: only a greater version applies. */
function memory(): { apply: ApplyChanges; versions: Map<string, bigint> } {
  const versions = new Map<string, bigint>();
  const judge = ({ version, change }: Event<Change[]>): Result => {
    const key = change.map((one) => `${one.userId} ${one.symbol} ${one.timeframe}`).join();
    const before = versions.get(key) ?? 0n;
    if (BigInt(version) <= before) return BigInt(version) === before ? "duplicate" : "stale";
    versions.set(key, BigInt(version));
    return "applied";
  };
  return { versions, apply: (events) => Promise.resolve(events.map(judge)) };
}

function signed(
  body: string,
  { id = "41", sentAt = NOW, ...init }: RequestInit & { id?: string; sentAt?: Date } = {},
) {
  return new Request("http://127.0.0.1/watchers-upsert", {
    method: "POST",
    body,
    headers: {
      "webhook-id": id,
      "webhook-timestamp": `${Math.floor(sentAt.getTime() / 1000)}`,
      "webhook-signature": new Webhook(SECRET).sign(id, sentAt, body),
    },
    ...init,
  });
}

function functionWith(apply: ApplyChanges, secrets = [SECRET]) {
  const lines: Record<string, unknown>[] = [];
  const handle = handlerFrom({
    secrets,
    read: changesFrom,
    apply,
    now: () => NOW,
    log: (line) => lines.push(line),
  });
  return { handle, lines };
}

const untouched: ApplyChanges = () => assert.fail("the database was touched");

Deno.test("an event is applied, then a duplicate, then stale", async () => {
  const { handle, lines } = functionWith(memory().apply);

  const results = [];
  for (const id of ["41", "41", "42", "41"]) {
    const response = await handle(signed(JSON.stringify(insert), { id }));
    assert.equal(response.status, 200);
    results.push((await response.json()).result);
  }

  assert.deepEqual(results, ["applied", "duplicate", "applied", "stale"]);
  assert.deepEqual(lines.map((line) => line.result), results);
});

for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
  Deno.test(`${method} is answered 405`, async () => {
    const response = await functionWith(untouched).handle(new Request("http://127.0.0.1/", { method }));

    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), "POST");
    assert.equal((await response.json()).error, "method_not_allowed");
  });
}

const body = JSON.stringify(insert);
const stale = new Date(NOW.getTime() - 301_000);
const refusals: [string, Request, number, string][] = [
  [
    "an unsigned request",
    new Request("http://127.0.0.1/", { method: "POST", body }),
    401,
    "signature_invalid",
  ],
  ["an old request", signed(body, { sentAt: stale }), 401, "signature_invalid"],
  [
    "a tampered body",
    new Request(signed(body), { body: body.replace("1h", "4h") }),
    401,
    "signature_invalid",
  ],
  ["a huge unsigned body", signed("", { body: "x".repeat(BODY_BYTES_MAX + 1) }), 413, "body_too_large"],
  ["no JSON", signed("{not json"), 400, "body_malformed"],
  ["an empty body", signed(""), 400, "body_malformed"],
  ["a list", signed("[]"), 400, "body_malformed"],
  ["JSON null", signed("null"), 400, "body_malformed"],
  ["another table", signed(JSON.stringify({ ...insert, table: "profiles" })), 422, "field_invalid"],
  ["an id that is no version", signed(body, { id: "msg_2abc" }), 422, "field_invalid"],
  ["an id of zero", signed(body, { id: "0" }), 422, "field_invalid"],
  ["an id beyond bigint", signed(body, { id: "9223372036854775808" }), 422, "field_invalid"],
];
for (const [what, request, status, code] of refusals) {
  Deno.test(`${what} is answered ${status} without touching the database`, async () => {
    const { handle, lines } = functionWith(untouched);

    const response = await handle(request);
    const answer = await response.json();

    assert.deepEqual([response.status, answer.error], [status, code]);
    assert.deepEqual(Object.keys(answer), ["error", "message", "details", "request_id"]);
    assert.equal(answer.request_id, response.headers.get("x-request-id"));
    assert.deepEqual([lines.length, lines[0].status, lines[0].error], [1, status, code]);
  });
}

Deno.test("the fields at fault are named in the answer", async () => {
  const wrong = JSON.stringify({ ...insert, record: { ...row, timeframe: "2h" } });

  const response = await functionWith(untouched).handle(signed(wrong));

  assert.deepEqual((await response.json()).details.map((fault: { field: string }) => fault.field), [
    "record.timeframe",
  ]);
});

Deno.test("a chunked body is counted while it is read", async () => {
  let sent = 0;
  const endless = new ReadableStream({
    pull(controller) {
      sent += 8_192;
      controller.enqueue(new Uint8Array(8_192));
    },
  });

  const response = await functionWith(untouched).handle(signed("", { body: endless }));

  assert.equal(response.status, 413);
  assert(sent < 2 * BODY_BYTES_MAX);
});

Deno.test("a body that breaks off is answered 400", async () => {
  const broken = new ReadableStream({
    pull: (controller) => controller.error(new TypeError("connection reset")),
  });

  assert.equal((await functionWith(untouched).handle(signed("", { body: broken }))).status, 400);
});

// A busy machine fires the budget's timer late; without a budget nothing here would end at all.
const LATE_MS = 10_000;

Deno.test("a body that never ends costs the budget and no more", async () => {
  const silent = new ReadableStream({ pull: () => new Promise(() => {}) });
  const started = performance.now();

  const response = await functionWith(untouched).handle(signed("", { body: silent }));

  assert.deepEqual([response.status, (await response.json()).error], [503, "budget_exceeded"]);
  assert(performance.now() - started < LATE_MS);
});

Deno.test("a database beyond the budget is answered 503 within a second", async () => {
  const slow: ApplyChanges = () => new Promise(() => {});
  const started = performance.now();

  const response = await functionWith(slow).handle(signed(body));

  assert.deepEqual([response.status, (await response.json()).error], [503, "budget_exceeded"]);
  const elapsed = performance.now() - started;
  assert(BUDGET_MS < 1_000);
  assert(BUDGET_MS - 50 < elapsed && elapsed < LATE_MS, `${elapsed} ms`);
});

const failures: [Error, number, string][] = [
  [new DatabaseFailed("no connection"), 503, "database_unavailable"],
  [new RowRefused("23514 watchers_symbol_canonical"), 422, "field_invalid"],
  [new TypeError("a fault that quotes BTC/USDT"), 500, "internal_error"],
];
for (const [error, status, code] of failures) {
  Deno.test(`${error.name} ${error.message} is answered ${status}`, async () => {
    const { handle, lines } = functionWith(() => Promise.reject(error));

    const response = await handle(signed(body));

    assert.deepEqual([response.status, (await response.json()).error], [status, code]);
    assert(!JSON.stringify(lines).includes("BTC/USDT"));
  });
}

Deno.test("without a secret nothing is accepted", async () => {
  const response = await functionWith(untouched, []).handle(signed(body));

  assert.deepEqual([response.status, (await response.json()).error], [503, "secrets_missing"]);
});

Deno.test("a line holds neither body nor signature nor secret", async () => {
  const { handle, lines } = functionWith(memory().apply);
  const request = signed(body);
  const signature = request.headers.get("webhook-signature")!;

  await handle(request);

  const text = JSON.stringify(lines);
  assert(!text.includes("BTC/USDT") && !text.includes(signature) && !text.includes(SECRET));
  assert.equal(lines[0].webhook_id, "41");
});

Deno.test("events of a batch are judged one by one", async () => {
  const { versions, apply } = memory();
  const events = [
    { id: 43, ...insert },
    { id: 44, ...insert, table: "profiles" },
    { id: "43", ...insert },
    "no event",
  ];

  const response = await functionWith(apply).handle(signed(JSON.stringify({ events }), { id: "batch-1" }));

  assert.equal(response.status, 200);
  const { results } = await response.json();
  assert.deepEqual(results.map(({ id, result, error }: Record<string, unknown>) => [id, result ?? error]), [
    [43, "applied"],
    [44, "field_invalid"],
    ["43", "duplicate"],
    [null, "field_invalid"],
  ]);
  assert.deepEqual([...versions.values()], [43n]);
});

Deno.test("a row that the database refuses leaves its neighbours be", async () => {
  const refusal = new RowRefused("the database refuses this row (23514 watchers_symbol_canonical)");
  const { handle, lines } = functionWith(() => Promise.resolve(["applied", refusal, "stale"]));
  const events = [51, 52, 53].map((id) => ({ id, ...insert }));

  const response = await handle(signed(JSON.stringify({ events }), { id: "batch-2" }));

  assert.deepEqual((await response.json()).results, [
    { id: 51, result: "applied" },
    { id: 52, error: "field_invalid", message: refusal.message, details: null },
    { id: 53, result: "stale" },
  ]);
  assert.deepEqual(lines[0].results, { applied: 1, field_invalid: 1, stale: 1 });
});

Deno.test("a single row that the database refuses is answered 422", async () => {
  const response = await functionWith(() => Promise.resolve([new RowRefused("23514")])).handle(signed(body));

  assert.deepEqual([response.status, (await response.json()).error], [422, "field_invalid"]);
});

Deno.test("a batch of which nothing can be read does not touch the database", async () => {
  const response = await functionWith(untouched).handle(signed(JSON.stringify({ events: ["?"] })));

  assert.equal(response.status, 200);
});

Deno.test("a batch is bounded", async () => {
  const events = Array(101).fill({ id: 1, ...insert, record: null });

  const response = await functionWith(untouched).handle(
    signed(JSON.stringify({ events: events.map(() => 0) })),
  );

  assert.equal(response.status, 422);
});
