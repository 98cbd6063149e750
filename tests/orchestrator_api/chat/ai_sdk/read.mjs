// Reads recorded answers of POST /chat, one JSON object {name: stream} on standard input, with three major versions of the AI SDK:
// each version's transport validates every frame against its own schema, and its chat makes a message of them. Prints a line for each.
import { text } from "node:stream/consumers";
import * as ai7 from "ai";
import * as ai6 from "ai6";
import * as ai5 from "ai5";

const VERSIONS = { ai7, ai6, ai5 };

// What a framework keeps of a chat, without a framework.
class State {
  status = "ready";
  error = undefined;
  messages = [];
  pushMessage = (message) => { this.messages = [...this.messages, message]; };
  popMessage = () => { this.messages = this.messages.slice(0, -1); };
  replaceMessage = (index, message) => { this.messages = this.messages.with(index, message); };
  snapshot = (value) => structuredClone(value);
}

async function read({ AbstractChat, DefaultChatTransport, lastAssistantMessageIsCompleteWithToolCalls: asksAgain }, stream) {
  const seen = { kinds: [], finish: null };
  class Transport extends DefaultChatTransport {
    processResponseStream(body) {
      return super.processResponseStream(body).pipeThrough(
        new TransformStream({
          transform(chunk, controller) {
            seen.kinds.push(chunk.type);
            controller.enqueue(chunk);
          },
        }),
      );
    }
  }
  const answered = async () => new Response(stream, { headers: { "content-type": "text/event-stream" } });
  const chat = new (class extends AbstractChat {})({
    state: new State(),
    transport: new Transport({ fetch: answered }),
    onFinish: ({ isAbort, isError, isDisconnect, finishReason }) => {
      seen.finish = { isAbort, isError, isDisconnect, finishReason: finishReason ?? null };
    },
  });
  await chat.sendMessage({ text: "What about BTC?" });
  // Clients with tools of their own ask again by themselves when this says so.
  seen.asksAgain = asksAgain({ messages: chat.messages });
  return { ...seen, status: chat.status, error: chat.error?.message ?? null, answer: chat.lastMessage };
}

const recordings = JSON.parse(await text(process.stdin));
for (const [version, sdk] of Object.entries(VERSIONS)) {
  for (const [name, stream] of Object.entries(recordings)) {
    console.log(JSON.stringify({ version, name, ...(await read(sdk, stream)) }));
  }
}
