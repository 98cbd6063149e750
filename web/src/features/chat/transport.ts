import { type Connection, SILENT_SECONDS_MAX, send, type Watch, watchSilence } from "@zmarty/client";
import { DefaultChatTransport, type UIMessageChunk } from "ai";
import { askedIn } from "./asked";
import { type ChatMessage, TEXT_ID } from "./messages";

/** What the AI SDK's client drops of a stream is kept where the page finds it. */
export function annotated(chunk: UIMessageChunk): UIMessageChunk[] {
  switch (chunk.type) {
    case "text-start":
      return [{ ...chunk, providerMetadata: { [TEXT_ID]: { id: chunk.id } } }];
    case "abort":
      return [{ type: "message-metadata", messageMetadata: { finish_reason: "stopped" } }, chunk];
    case "finish":
      return [
        {
          type: "message-metadata",
          messageMetadata: { finish_reason: chunk.finishReason ?? "stop" },
        },
        chunk,
      ];
    default:
      return [chunk];
  }
}

/** The body as it comes, until it ends or falls silent: then it breaks off, also where the connection does not. */
function heardBy(line: Watch, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const breakOff = () => {
        line.end();
        controller.error(line.signal.reason);
        reader.cancel(line.signal.reason).catch(() => undefined);
      };
      if (line.signal.aborted) breakOff();
      else line.signal.addEventListener("abort", breakOff, { once: true });
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (line.signal.aborted) return;
        if (done) {
          line.end();
          controller.close();
        } else {
          line.heard();
          controller.enqueue(value);
        }
      } catch (error) {
        line.end();
        controller.error(line.signal.aborted ? line.signal.reason : error);
      }
    },
    cancel(reason) {
      line.end();
      return reader.cancel(reason);
    },
  });
}

async function listen(connection: Connection, address: string, init: RequestInit = {}): Promise<Response> {
  const line = watchSilence(SILENT_SECONDS_MAX, init.signal ?? undefined);
  try {
    const response = await send(connection, init.method ?? "GET", address, {
      signal: line.signal,
      headers: init.headers as Record<string, string>,
      ...(typeof init.body === "string" && { body: JSON.parse(init.body) }),
    });
    if (response.body) return new Response(heardBy(line, response.body), response);
    line.end();
    return response;
  } catch (error) {
    line.end();
    // An answer may be written all the same: its silence is told as that of a line that broke, which is looked for.
    throw line.signal.aborted ? line.signal.reason : error;
  }
}

/** Asks our API: with the token of the moment, the key and the body of what was asked, and its refusals as ApiError. */
export class ZmartyTransport extends DefaultChatTransport<ChatMessage> {
  constructor(connection: Connection) {
    super({
      api: "/chat",
      fetch: (address, init) => listen(connection, String(address), init),
      prepareSendMessagesRequest: ({ id }) => {
        const asked = askedIn(id);
        if (!asked) throw new Error("Nothing was asked.");
        return { body: asked.body, headers: { "idempotency-key": asked.key } };
      },
      prepareReconnectToStreamRequest: ({ id }) => ({ api: `/v1/chat/${encodeURIComponent(id)}/stream` }),
    });
  }

  protected override processResponseStream(
    stream: ReadableStream<Uint8Array<ArrayBufferLike>>,
  ): ReadableStream<UIMessageChunk> {
    return super.processResponseStream(stream).pipeThrough(
      new TransformStream<UIMessageChunk, UIMessageChunk>({
        transform(chunk, controller) {
          for (const each of annotated(chunk)) controller.enqueue(each);
        },
      }),
    );
  }
}
