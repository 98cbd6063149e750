import assert from "node:assert/strict";
import { FieldsInvalid } from "../_shared/fields.ts";
import { changesFrom } from "./change.ts";

const USER = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
const row = {
  id: 7,
  user_id: USER,
  symbol: "BTC/USDT",
  timeframe: "1h",
  strategy: { name: "swing" },
  active: true,
};
const insert = { type: "INSERT", table: "user_symbols", schema: "public", record: row, old_record: null };
const key = { userId: USER, symbol: "BTC/USDT", timeframe: "1h" };

function faultsOf(payload: Parameters<typeof changesFrom>[0]): string[] {
  try {
    changesFrom(payload);
  } catch (error) {
    assert(error instanceof FieldsInvalid);
    return error.errors.map(({ field }) => field);
  }
  return [];
}

Deno.test("an insert watches", () => {
  assert.deepEqual(changesFrom(insert), [{ ...key, kind: "watch", strategy: { name: "swing" } }]);
});

Deno.test("an inactive insert leaves a tombstone", () => {
  assert.deepEqual(changesFrom({ ...insert, record: { ...row, active: false } }), [{
    ...key,
    kind: "unwatch",
  }]);
});

Deno.test("a missing strategy is an empty one", () => {
  const changes = changesFrom({ ...insert, record: { ...row, strategy: null } });

  assert.deepEqual(changes, [{ ...key, kind: "watch", strategy: {} }]);
});

Deno.test("a delete unwatches the old row", () => {
  const payload = { ...insert, type: "DELETE", record: null, old_record: row };

  assert.deepEqual(changesFrom(payload), [{ ...key, kind: "unwatch" }]);
});

Deno.test("an update of other columns is one change", () => {
  const payload = { ...insert, type: "UPDATE", old_record: { ...row, active: false } };

  assert.deepEqual(changesFrom(payload), [{ ...key, kind: "watch", strategy: { name: "swing" } }]);
});

for (const [column, value] of [["symbol", "ETH/USDT"], ["timeframe", "4h"]]) {
  Deno.test(`an update of ${column} unwatches the old key and watches the new one`, () => {
    const payload = { ...insert, type: "UPDATE", record: { ...row, [column]: value }, old_record: row };

    assert.deepEqual(changesFrom(payload), [
      { ...key, kind: "unwatch" },
      { ...key, [column]: value, kind: "watch", strategy: { name: "swing" } },
    ]);
  });
}

Deno.test("a user id in capitals is the same key", () => {
  const payload = { ...insert, type: "UPDATE", old_record: { ...row, user_id: USER.toUpperCase() } };

  assert.equal(changesFrom(payload).length, 1);
});

for (
  const [field, value] of [
    ["user_id", "7"],
    ["user_id", null],
    ["symbol", "btc/usdt"],
    ["symbol", "BTCUSDT"],
    ["symbol", "ABCDEFGHIJ/ABCDEFGHIJ"],
    ["symbol", { nested: true }],
    ["timeframe", "2h"],
    ["timeframe", "constructor"],
    ["active", "true"],
    ["active", null],
    ["strategy", ["a"]],
    ["strategy", "swing"],
  ] as const
) {
  Deno.test(`a record with ${field} ${JSON.stringify(value)} is refused by name`, () => {
    const payload = { ...insert, record: { ...row, [field]: value } } as Parameters<typeof changesFrom>[0];

    assert.deepEqual(faultsOf(payload), [`record.${field}`]);
  });
}

Deno.test("a strategy as deep as hostile JSON gets is refused", () => {
  const strategy = JSON.parse(`{"a":${"[".repeat(30_000)}${"]".repeat(30_000)}}`);

  assert.deepEqual(faultsOf({ ...insert, record: { ...row, strategy } }), ["record.strategy"]);
});

Deno.test("every field at fault is named", () => {
  const payload = {
    type: "UPDATE",
    table: "profiles",
    schema: "auth",
    record: null,
    old_record: { user_id: USER },
  };

  const fields = ["table", "schema", "record", "old_record.symbol", "old_record.timeframe"];
  assert.deepEqual(faultsOf(payload), fields);
});

for (const type of ["TRUNCATE", "insert", null, undefined]) {
  Deno.test(`type ${type} is refused`, () => {
    assert.deepEqual(faultsOf({ ...insert, type } as Parameters<typeof changesFrom>[0]), ["type"]);
  });
}
