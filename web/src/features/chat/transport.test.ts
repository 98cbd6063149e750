import { SILENT_SECONDS_MAX } from "@zmarty/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { isUncertain } from "./errors";
import { ZmartyTransport } from "./transport";

const ID = "0a8b7c6d-0000-4000-8000-000000000001";
const WORD = 'data: {"type":"text-start","id":"text-1"}\n\n';

let writer: ReadableStreamDefaultController<Uint8Array> | undefined;
const say = (text: string) => writer?.enqueue(new TextEncoder().encode(text));
const connectionTo = (answer: () => Response | Promise<Response>) => ({
  apiUrl: "",
  accessToken: async () => "token",
  // A half-open line: it does not even hear that it is given up.
  fetch: async () => answer(),
});
const open = () =>
  new Response(
    new ReadableStream<Uint8Array>({
      start: controller => {
        writer = controller;
      },
    }),
  );
const resume = (transport: ZmartyTransport) =>
  transport.reconnectToStream({ chatId: ID, messageId: undefined } as never);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("breaks off an answer that has fallen silent, and keeps one with signs of life", async () => {
  const stream = await resume(new ZmartyTransport(connectionTo(open)));
  const reader = stream?.getReader();
  say(WORD);
  expect((await reader?.read())?.value).toMatchObject({ type: "text-start" });
  const next = reader?.read().catch((error: unknown) => error);
  let isOver = false;
  void next?.then(() => {
    isOver = true;
  });
  for (let sign = 0; sign < 10; sign += 1) {
    await vi.advanceTimersByTimeAsync(12_000);
    say(": ping\n\n");
  }
  expect(isOver).toBe(false);
  await vi.advanceTimersByTimeAsync((SILENT_SECONDS_MAX + 1) * 1000);
  const failure = await next;
  expect(failure).toMatchObject({ name: "TimeoutError" });
  // The answer is looked for, not given up.
  expect(isUncertain(failure)).toBe(true);
});

it("ends with what ends it, and leaves no clock running", async () => {
  const stream = await resume(new ZmartyTransport(connectionTo(open)));
  const reader = stream?.getReader();
  say(WORD);
  await reader?.read();
  writer?.close();
  expect((await reader?.read())?.done).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

it("has nothing to follow where no answer is written", async () => {
  const none = connectionTo(() => new Response(null, { status: 204 }));
  expect(await resume(new ZmartyTransport(none))).toBeNull();
  expect(vi.getTimerCount()).toBe(0);
});
