import { describe, expect, it } from "vitest";
import { all, streamOf } from "./fake.ts";
import { EVENT_LENGTH_MAX, readEvents } from "./sse.ts";

const TEXT = [
  ": hello\n\n",
  'event: signal\nid: 1-1\ndata: {"symbol":"BTC/USDT"}\n\n',
  "id: 2-1\n\n",
  "data: first\ndata: second ü € 😀\ndata:\n\n",
  ": ping\n\n",
  "data:no space\nnonsense\nretry: 5\n\n",
].join("");
const EVENTS = [
  { event: "signal", id: "1-1", data: '{"symbol":"BTC/USDT"}' },
  { event: "message", id: "2-1", data: "" },
  { event: "message", id: null, data: "first\nsecond ü € 😀\n" },
  { event: "message", id: null, data: "no space" },
];

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.slice(at * size, (at + 1) * size),
  );
}

describe("server-sent events", () => {
  it.each([1, 2, 3, 5, 7, 64, 10_000])("are the same in pieces of %i bytes", async size => {
    const pieces = cut(new TextEncoder().encode(TEXT), size);
    expect(await all(readEvents(streamOf(pieces)))).toEqual(EVENTS);
  });

  it.each([
    ["\r\n", 1],
    ["\r\n", 2],
    ["\r\n", 10_000],
    ["\r", 1],
    ["\r", 10_000],
  ])("end their lines with %j as well, in pieces of %i bytes", async (ending, size) => {
    const pieces = cut(new TextEncoder().encode(TEXT.replaceAll("\n", ending)), size);
    expect(await all(readEvents(streamOf(pieces)))).toEqual(EVENTS);
  });

  it("are the same cut at any one place, with empty pieces between", async () => {
    const bytes = new TextEncoder().encode(TEXT.replaceAll("\n", "\r\n"));
    for (let at = 0; at <= bytes.length; at += 1) {
      const pieces = [bytes.slice(0, at), new Uint8Array(), bytes.slice(at)].filter(
        piece => piece.length > 0 || at > 0,
      );
      expect(await all(readEvents(streamOf(pieces)))).toEqual(EVENTS);
    }
  });

  it("leave out a byte order mark, and an event that was cut off", async () => {
    const told = ["\uFEFFdata: whole\n\ndata: half\n"];
    expect(await all(readEvents(streamOf(told)))).toEqual([{ event: "message", id: null, data: "whole" }]);
  });

  it("count signs of life", async () => {
    let heard = 0;
    await all(readEvents(streamOf([": ping\n\n", ": ping\n\n"]), { onHeard: () => (heard += 1) }));
    expect(heard).toBe(2);
  });

  it("never fill the memory", async () => {
    const piece = "x".repeat(EVENT_LENGTH_MAX / 4);
    const endless = ["data: ", ...Array.from({ length: 9 }, () => piece)];
    await expect(all(readEvents(streamOf(endless)))).rejects.toMatchObject({ code: "unexpected_answer" });
    const lines = Array.from({ length: 9 }, () => `data: ${piece}\n`);
    await expect(all(readEvents(streamOf(lines)))).rejects.toMatchObject({ code: "unexpected_answer" });
  });

  it("hang up when nobody listens any more", async () => {
    let isCancelled = false;
    const response = streamOf([frame("one"), frame("two")], {
      isOpen: true,
      onCancel: () => {
        isCancelled = true;
      },
    });
    for await (const event of readEvents(response)) {
      expect(event.data).toBe("one");
      break;
    }
    expect(isCancelled).toBe(true);
  });
});

function frame(data: string): string {
  return `data: ${data}\n\n`;
}
