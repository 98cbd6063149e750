/** What one mirrored row asks for: Supabase's webhook payload turned into watchers to set. Pure. */

import {
  type FieldError,
  FieldsInvalid,
  isRow,
  isText,
  isUuid,
  type Json,
  require,
  type Row,
} from "../_shared/fields.ts";

const TIMEFRAMES = new Set(["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"]);
const SYMBOL = /^[A-Z0-9]{2,12}\/[A-Z0-9]{2,12}$/;
const SYMBOL_CHARACTERS_MAX = 20;
const STRATEGY_DEPTH_MAX = 16;

export interface Key {
  userId: string;
  symbol: string;
  timeframe: string;
}

/** `unwatch` carries no strategy: the tombstone keeps the one that was there. */
export type Change = Key & ({ kind: "watch"; strategy: Row } | { kind: "unwatch" });

/** Return the watchers that `payload` sets, the old key before the new one, or throw FieldsInvalid naming every field at fault. */
export function changesFrom(payload: Row): Change[] {
  const errors: FieldError[] = [];
  require(errors, payload.table === "user_symbols", "table", "must be user_symbols");
  require(errors, payload.schema === "public", "schema", "must be public");
  const changes = changesOf(payload, errors);
  if (errors.length > 0) throw new FieldsInvalid(errors);
  return changes;
}

function changesOf(payload: Row, errors: FieldError[]): Change[] {
  switch (payload.type) {
    case "INSERT":
      return [changeFrom(payload.record, "record", errors)];
    case "DELETE":
      return [{ ...keyFrom(payload.old_record, "old_record", errors), kind: "unwatch" }];
    case "UPDATE": {
      const change = changeFrom(payload.record, "record", errors);
      const before = keyFrom(payload.old_record, "old_record", errors);
      // A row that changed its key left its old watcher behind.
      return sameKey(before, change) ? [change] : [{ ...before, kind: "unwatch" }, change];
    }
    default:
      errors.push({ field: "type", rule: "must be INSERT, UPDATE or DELETE" });
      return [];
  }
}

function changeFrom(value: Json | undefined, path: string, errors: FieldError[]): Change {
  const key = keyFrom(value, path, errors);
  if (!isRow(value)) return { ...key, kind: "unwatch" };
  require(errors, typeof value.active === "boolean", `${path}.active`, "must be true or false");
  const strategy = value.strategy ?? {};
  if (!isRow(strategy) || depthOf(strategy, STRATEGY_DEPTH_MAX) > STRATEGY_DEPTH_MAX) {
    errors.push({
      field: `${path}.strategy`,
      rule: `must be an object at most ${STRATEGY_DEPTH_MAX} levels deep, or null`,
    });
    return { ...key, kind: "unwatch" };
  }
  return value.active ? { ...key, kind: "watch", strategy } : { ...key, kind: "unwatch" };
}

function keyFrom(value: Json | undefined, path: string, errors: FieldError[]): Key {
  if (!isRow(value)) {
    errors.push({ field: path, rule: "must be an object" });
    return { userId: "", symbol: "", timeframe: "" };
  }
  const { user_id: userId, symbol, timeframe } = value;
  require(errors, isUuid(userId), `${path}.user_id`, "must be a uuid");
  require(
    errors,
    isText(symbol) && symbol.length <= SYMBOL_CHARACTERS_MAX && SYMBOL.test(symbol),
    `${path}.symbol`,
    "must be canonical like BTC/USDT",
  );
  require(
    errors,
    isText(timeframe) && TIMEFRAMES.has(timeframe),
    `${path}.timeframe`,
    `must be one of ${[...TIMEFRAMES].join(", ")}`,
  );
  return { userId: String(userId).toLowerCase(), symbol: String(symbol), timeframe: String(timeframe) };
}

function sameKey(one: Key, other: Key): boolean {
  return one.userId === other.userId && one.symbol === other.symbol && one.timeframe === other.timeframe;
}

/** Levels of nesting, counted no further than one beyond `bound`, so that hostile depth cannot exhaust the stack. */
function depthOf(value: Json, bound: number): number {
  if (typeof value !== "object" || value === null) return 0;
  if (bound <= 0) return 1;
  return 1 + Math.max(0, ...Object.values(value).map((inner) => depthOf(inner, bound - 1)));
}
