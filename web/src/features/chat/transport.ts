import { type Connection, send } from "@zmarty/client";
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

/** Asks our API: with the token of the moment, the key and the body of what was asked, and its refusals as ApiError. */
export class ZmartyTransport extends DefaultChatTransport<ChatMessage> {
  constructor(connection: Connection) {
    super({
      api: "/chat",
      fetch: (address, init) =>
        send(connection, init?.method ?? "GET", String(address), {
          signal: init?.signal ?? undefined,
          headers: init?.headers as Record<string, string>,
          ...(typeof init?.body === "string" && { body: JSON.parse(init.body) }),
        }),
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
