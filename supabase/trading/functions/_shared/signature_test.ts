import assert from "node:assert/strict";
import { secretsFrom, SignatureMismatch, signedText, stampFrom } from "./signature.ts";

interface Vector {
  signed_by: string;
  secret: string;
  id: string;
  timestamp: number;
  body: string;
  signature: string;
}

const vectors: Vector[] = JSON.parse(
  Deno.readTextFileSync(new URL("testdata/signatures.json", import.meta.url)),
);
const [vector, , , , other] = vectors;
const STRANGER = `whsec_${btoa("s".repeat(32))}`;

function headersOf({ id, timestamp, signature }: Vector, changed: Record<string, string> = {}): Headers {
  const headers = { "webhook-id": id, "webhook-timestamp": `${timestamp}`, "webhook-signature": signature };
  return new Headers({ ...headers, ...changed });
}

function verify(
  { secrets = [vector.secret], headers = headersOf(vector), body = vector.body, seconds = 0 },
): string {
  const stamp = stampFrom(headers, new Date((vector.timestamp + seconds) * 1000));
  return signedText(secrets, stamp, new TextEncoder().encode(body));
}

for (const [number, one] of vectors.entries()) {
  Deno.test(`vector ${number}, signed by ${one.signed_by}, is accepted`, () => {
    assert.equal(verify({ secrets: [one.secret], headers: headersOf(one), body: one.body }), one.body);
  });

  Deno.test(`vector ${number} is refused with one byte more`, () => {
    const tampered = { secrets: [one.secret], headers: headersOf(one), body: `${one.body} ` };

    assert.throws(() => verify(tampered), SignatureMismatch);
  });
}

Deno.test("both libraries sign alike", () => {
  assert.notEqual(vector.signed_by, other.signed_by);
  assert.equal(vector.signature, other.signature);
});

Deno.test("either of two secrets and either of two signatures suffices", () => {
  const headers = headersOf(vector, { "webhook-signature": `v1,bm9uZQ== v2,x ${vector.signature}` });

  assert.equal(verify({ secrets: [STRANGER, vector.secret], headers }), vector.body);
});

Deno.test("an unknown secret is refused", () => {
  assert.throws(() => verify({ secrets: [STRANGER] }), SignatureMismatch);
});

for (const seconds of [-300, 300]) {
  Deno.test(`an age of ${seconds} s is accepted`, () => assert.equal(verify({ seconds }), vector.body));
  Deno.test(`an age beyond ${seconds} s is refused`, () => {
    assert.throws(() => verify({ seconds: seconds + Math.sign(seconds) }), SignatureMismatch);
  });
}

for (
  const [header, value] of [
    ["webhook-id", ""],
    ["webhook-id", "9".repeat(65)],
    ["webhook-id", "4 1"],
    ["webhook-id", "42"],
    ["webhook-timestamp", ""],
    ["webhook-timestamp", "yesterday"],
    ["webhook-timestamp", `${vector.timestamp}abc`],
    ["webhook-timestamp", `${vector.timestamp}.5`],
    ["webhook-timestamp", "1e9"],
    ["webhook-timestamp", "9".repeat(400)],
    ["webhook-signature", ""],
    ["webhook-signature", "v1"],
    ["webhook-signature", "v1,"],
    ["webhook-signature", "v1,%%%"],
    ["webhook-signature", vector.signature.replace("v1,", "v1a,")],
    ["webhook-signature", vector.signature.slice(0, -4)],
    ["webhook-signature", Array(9).fill(vector.signature).join(" ")],
    ["webhook-signature", `${vector.signature} `.repeat(100)],
  ]
) {
  Deno.test(`${header} ${JSON.stringify(value.slice(0, 40))} (${value.length}) is refused`, () => {
    assert.throws(() => verify({ headers: headersOf(vector, { [header]: value }) }), SignatureMismatch);
  });
}

Deno.test("a body that is no UTF-8 is refused", () => {
  const stamp = stampFrom(headersOf(vector), new Date(vector.timestamp * 1000));

  assert.throws(() => signedText([vector.secret], stamp, new Uint8Array([0xff, 0xfe])), SignatureMismatch);
});

Deno.test("secrets are separated by spaces, commas or lines", () => {
  assert.deepEqual(secretsFrom(` ${vector.secret},${STRANGER}\n`), [vector.secret, STRANGER]);
  assert.deepEqual(secretsFrom(""), []);
});

for (
  const secret of [
    "correct-horse",
    "whsec_",
    "whsec_%%%",
    `whsec_${btoa("short")}`,
    `whsec_${btoa("x".repeat(65))}`,
  ]
) {
  Deno.test(`secret ${secret.slice(0, 20)} is refused without being quoted`, () => {
    assert.throws(
      () => secretsFrom(secret),
      (error: Error) => !error.message.includes(secret.slice(6) || "\0"),
    );
  });
}

Deno.test("the form that libraries misread is refused", () => {
  assert.throws(() => secretsFrom(`v1,${vector.secret}`), /webhook secret 1 must/);
});
