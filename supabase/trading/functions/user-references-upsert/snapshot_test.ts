import assert from "node:assert/strict";
import { FieldsInvalid, type Json } from "../_shared/fields.ts";
import { snapshotFrom } from "./snapshot.ts";

const record = {
  user_id: "6F9619FF-8b86-4d01-b42d-00cf4fc964ff",
  email: "ada@example.com",
  tier: "pro",
  credits_balance: 97,
  is_active: true,
};
const update = { type: "UPDATE", table: "user_references", schema: "public", record, old_record: null };

Deno.test("a snapshot is read whole", () => {
  assert.deepEqual(snapshotFrom(update), {
    userId: record.user_id.toLowerCase(),
    email: "ada@example.com",
    tier: "pro",
    creditsBalance: 97,
    isActive: true,
  });
});

Deno.test("who has left has no address", () => {
  const left = { ...record, email: null, is_active: false };

  assert.equal(snapshotFrom({ ...update, record: left }).email, null);
});

const faults: [string, Json][] = [
  ["user_id", "1"],
  ["user_id", null],
  ["email", 7],
  ["email", "x".repeat(256)],
  ["tier", "gold"],
  ["tier", null],
  ["credits_balance", -1],
  ["credits_balance", 1.5],
  ["credits_balance", "97"],
  ["credits_balance", 2 ** 31],
  ["is_active", "true"],
];
for (const [field, value] of faults) {
  Deno.test(`${field} ${JSON.stringify(value)?.slice(0, 20)} is named`, () => {
    assert.throws(
      () => snapshotFrom({ ...update, record: { ...record, [field]: value } }),
      (error) =>
        error instanceof FieldsInvalid && error.errors.map(({ field }) => field).join() === `record.${field}`,
    );
  });
}

Deno.test("every field at fault is named at once", () => {
  assert.throws(
    () => snapshotFrom({ type: "DELETE", table: "profiles", schema: "auth", record: null }),
    (error) => error instanceof FieldsInvalid && error.errors.length === 9,
  );
});
