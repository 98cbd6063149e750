// @vitest-environment node
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";
import { connectionTo, frames, json, streamOf } from "./fake.ts";
import * as client from "./index.ts";

const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const EXAMPLE = /```ts\n(.*?)```/s.exec(README)?.[1] ?? "";

it("the example of the README says what it shows", async () => {
  const conversation = { conversation_id: "c1" };
  const told = frames(
    { type: "start", messageId: "m1", messageMetadata: conversation },
    { type: "text-delta", id: "text-1", delta: "Up." },
    { type: "finish", finishReason: "stop", messageMetadata: { ...conversation, credits: 3, balance: 97 } },
    "[DONE]",
  );
  const { connection, asked } = connectionTo(({ url }) =>
    url.endsWith("/chat") ? streamOf([told]) : json({ available: 100 }),
  );
  const supabase = { auth: { getSession: async () => ({ data: { session: { access_token: "mine" } } }) } };
  const shown: string[] = [];
  const { outputText } = ts.transpileModule(EXAMPLE, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const body = outputText.replace(/import (\{.*?\}) from "@zmarty\/client";/, "const $1 = zmartyClient;");
  const createClient = (given: client.Connection) =>
    client.createClient({ ...given, ...(connection.fetch && { fetch: connection.fetch }) });
  const run = new Function("zmartyClient", "supabase", "show", `return (async () => {${body}})()`);
  await run({ createClient }, supabase, (text: string) => shown.push(text));
  expect(shown).toEqual(["Up.", "Up.\n3 credits, 97 left"]);
  expect(asked[1]?.body).toMatchObject({ message: "How does BTC look?", price_cap: 10 });
  expect(asked[1]?.headers.get("authorization")).toBe("Bearer mine");
});

it("the example of the README has the types that it needs", { timeout: 60_000 }, () => {
  const name = fileURLToPath(new URL("./example.ts", import.meta.url));
  const given = `declare const supabase: { auth: { getSession(): Promise<{ data: { session: { access_token: string } | null } }> } };
declare function show(text: string): void;
${EXAMPLE.replace('"@zmarty/client"', '"./index.ts"')}`;
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    allowImportingTsExtensions: true,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = file => file === name || fileExists(file);
  host.readFile = file => (file === name ? given : readFile(file));
  host.getSourceFile = (file, ...rest) =>
    file === name ? ts.createSourceFile(file, given, ts.ScriptTarget.ES2022) : getSourceFile(file, ...rest);
  const program = ts.createProgram([name], options, host);
  const faults = ts.getPreEmitDiagnostics(program);
  expect(faults.map(fault => ts.flattenDiagnosticMessageText(fault.messageText, "\n"))).toEqual([]);
});
