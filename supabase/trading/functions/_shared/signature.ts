/** Whether a request was signed by us and recently (Standard Webhooks). Pure: secrets and time come in as arguments. */

import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { Webhook } from "standardwebhooks";

export const AGE_SECONDS_MAX = 300;
export const SIGNATURES_MAX = 8;
const SIGNATURE_HEADER_CHARACTERS_MAX = 1024;
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;
const ID = /^[\x21-\x7e]{1,64}$/;
const TIMESTAMP = /^\d{1,12}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

export interface Stamp {
  id: string;
  timestamp: number;
  signatures: string[];
}

export class SignatureMismatch extends Error {}

/** Secrets out of their environment variable, separated by spaces or commas; throws on one that could not be a key. */
export function secretsFrom(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean).map((secret, index) => {
    const encoded = secret.startsWith("whsec_") ? secret.slice("whsec_".length) : "";
    const bytes = BASE64.test(encoded) ? Buffer.from(encoded, "base64").length : 0;
    if (bytes < SECRET_BYTES_MIN || bytes > SECRET_BYTES_MAX) {
      // The position and never the text: this message is logged.
      throw new Error(
        `webhook secret ${
          index + 1
        } must be whsec_ and base64 of ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes`,
      );
    }
    return secret;
  });
}

/** Read the three headers, or throw: cheap, so that a stranger's request ends before its body is read. */
export function stampFrom(headers: Headers, now: Date): Stamp {
  const id = headers.get("webhook-id") ?? "";
  const timestamp = headers.get("webhook-timestamp") ?? "";
  const signature = headers.get("webhook-signature") ?? "";
  if (!ID.test(id) || !TIMESTAMP.test(timestamp) || signature.length > SIGNATURE_HEADER_CHARACTERS_MAX) {
    throw new SignatureMismatch("webhook headers are missing or malformed");
  }
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > AGE_SECONDS_MAX) {
    throw new SignatureMismatch("webhook-timestamp is too far from now");
  }
  const signatures = signature.split(" ").filter((piece) => piece.startsWith("v1,"));
  if (signatures.length === 0 || signatures.length > SIGNATURES_MAX) {
    throw new SignatureMismatch(`webhook-signature must hold 1 to ${SIGNATURES_MAX} v1 signatures`);
  }
  return { id, timestamp: Number(timestamp), signatures };
}

/** Return the text that one of `secrets` signed, or throw SignatureMismatch. */
export function signedText(secrets: string[], stamp: Stamp, body: Uint8Array<ArrayBuffer>): string {
  const text = decode(body);
  // The library checks age against its own clock, so only its signing is used: one age rule, testable.
  const sentAt = new Date(stamp.timestamp * 1000);
  for (const secret of secrets) {
    const expected = new Webhook(secret).sign(stamp.id, sentAt, text);
    if (stamp.signatures.some((signature) => equal(signature, expected))) return text;
  }
  throw new SignatureMismatch("no known secret signed this request");
}

function decode(body: Uint8Array<ArrayBuffer>): string {
  try {
    // The mark stays: what was signed is every byte, and a mark that vanished would change it.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch (error) {
    if (error instanceof TypeError) throw new SignatureMismatch("the body is no UTF-8, which nobody signs");
    throw error;
  }
}

function equal(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
