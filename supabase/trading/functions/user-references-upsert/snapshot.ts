/** What one mirrored user says: the payload of the chat database turned into a row to keep. Pure. */

import {
  type FieldError,
  FieldsInvalid,
  isRow,
  isText,
  isUuid,
  require,
  type Row,
} from "../_shared/fields.ts";

const TIERS = new Set(["free", "starter", "pro", "enterprise"]);
const EMAIL_CHARACTERS_MAX = 255;
const INTEGER_MAX = 2 ** 31 - 1;

export interface Snapshot {
  userId: string;
  email: string | null;
  tier: string;
  creditsBalance: number;
  isActive: boolean;
}

/** Return the user as `payload` has them, or throw FieldsInvalid naming every field at fault. */
export function snapshotFrom(payload: Row): Snapshot {
  const errors: FieldError[] = [];
  require(errors, payload.table === "user_references", "table", "must be user_references");
  require(errors, payload.schema === "public", "schema", "must be public");
  require(errors, payload.type === "INSERT" || payload.type === "UPDATE", "type", "must be INSERT or UPDATE");
  const record = isRow(payload.record) ? payload.record : {};
  require(errors, isRow(payload.record), "record", "must be an object");
  const { user_id: userId, email, tier, credits_balance: creditsBalance, is_active: isActive } = record;
  require(errors, isUuid(userId), "record.user_id", "must be a uuid");
  require(
    errors,
    email === null || (isText(email) && email.length <= EMAIL_CHARACTERS_MAX),
    "record.email",
    `must be null or text of at most ${EMAIL_CHARACTERS_MAX} characters`,
  );
  require(errors, isText(tier) && TIERS.has(tier), "record.tier", `must be one of ${[...TIERS].join(", ")}`);
  require(
    errors,
    Number.isInteger(creditsBalance) && Number(creditsBalance) >= 0 && Number(creditsBalance) <= INTEGER_MAX,
    "record.credits_balance",
    "must be a whole number of credits",
  );
  require(errors, typeof isActive === "boolean", "record.is_active", "must be true or false");
  if (errors.length > 0) throw new FieldsInvalid(errors);
  return {
    userId: String(userId).toLowerCase(),
    email: email === null ? null : String(email),
    tier: String(tier),
    creditsBalance: Number(creditsBalance),
    isActive: isActive === true,
  };
}
