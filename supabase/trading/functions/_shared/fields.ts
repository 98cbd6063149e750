/** What JSON can hold and how a field's fault is named: the words in which payloads are judged. Pure. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Row = { [name: string]: Json };

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface FieldError {
  field: string;
  rule: string;
}

export class FieldsInvalid extends Error {
  constructor(readonly errors: FieldError[]) {
    super(errors.map((error) => `${error.field}: ${error.rule}`).join("; "));
  }
}

export function require(errors: FieldError[], holds: boolean, field: string, rule: string): void {
  if (!holds) errors.push({ field, rule });
}

export function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

export function isUuid(value: unknown): value is string {
  return isText(value) && UUID.test(value);
}
