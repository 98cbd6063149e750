import { ApiError, UNEXPECTED } from "./http.ts";

/** More than any event has; a line that never ends would fill the memory. */
export const EVENT_LENGTH_MAX = 4 * 1024 * 1024;

export interface ServerSentEvent {
  event: string;
  id: string | null;
  data: string;
}

/**
 * Server-sent events of a response, as they come. Ends when the response does; throws when it breaks off. `onHeard` is
 * called for whatever arrives, signs of life between events too.
 */
export async function* readEvents(
  response: Response,
  { onHeard }: { onHeard?: () => void } = {},
): AsyncGenerator<ServerSentEvent> {
  if (!response.body) return;
  // The decoder keeps the begin of a letter whose other bytes are still on their way.
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  const parser = new EventParser();
  try {
    while (true) {
      const { done, value } = await reader.read();
      // An event that is not finished by an empty line was cut off, and says nothing that can be relied on.
      if (done) return;
      onHeard?.();
      yield* parser.read(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Whoever stops listening also hangs up.
    await reader.cancel().catch(() => undefined);
  }
}

/** Turns text into events, in whichever pieces it comes. */
export class EventParser {
  /** A line that has begun. */
  #rest = "";
  /** The last piece ended with a carriage return: a line feed that comes first belongs to it. */
  #isAfterReturn = false;
  #event = "message";
  #id: string | null = null;
  #data: string[] = [];
  #dataLength = 0;

  *read(piece: string): Generator<ServerSentEvent> {
    if (piece === "") return;
    const text = this.#isAfterReturn && piece.startsWith("\n") ? piece.slice(1) : piece;
    this.#isAfterReturn = piece.endsWith("\r");
    const lines = text.split(/\r\n|\r|\n/);
    lines[0] = this.#rest + (lines[0] ?? "");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.#take(line);
      if (event) yield event;
    }
    if (this.#rest.length + this.#dataLength > EVENT_LENGTH_MAX) {
      throw new ApiError(UNEXPECTED, "The server sent more at once than Zmarty does.", 0);
    }
  }

  #take(line: string): ServerSentEvent | null {
    if (line === "") return this.#end();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "data") {
      this.#data.push(value);
      this.#dataLength += value.length;
    }
    return null;
  }

  /** An id alone is an event too: it says how far one has heard. */
  #end(): ServerSentEvent | null {
    const told = { event: this.#event || "message", id: this.#id, data: this.#data.join("\n") };
    const isEvent = this.#id !== null || this.#data.length > 0;
    this.#event = "message";
    this.#id = null;
    this.#data = [];
    this.#dataLength = 0;
    return isEvent ? told : null;
  }
}
