// Talks to POST /chat of the API in argv[2], with the token in argv[3], as the AI SDK's own clients do, and prints what they saw
// as one JSON object. The models are scripted by the test: each question has its answer, in this order.
import { Chat } from "@ai-sdk/react";
import * as ai7 from "ai";
import * as ai6 from "ai6";
import * as ai5 from "ai5";

const [url, token] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const options = { api: `${url}/chat`, headers, prepareReconnectToStreamRequest: ({ id }) => ({ api: `${url}/v1/chat/${id}/stream`, headers }) };

function newChat(id) {
  return new Chat({ id, transport: new ai7.DefaultChatTransport(options) });
}

const told = (message) => ({
  role: message.role,
  id: message.id,
  text: message.parts.filter((part) => part.type === "text").map((part) => part.text),
  kinds: message.parts.map((part) => part.type),
  metadata: message.metadata ?? null,
  data: Object.fromEntries(message.parts.filter((part) => part.type.startsWith("data-")).map((part) => [part.type, part.data])),
  tools: message.parts
    .filter((part) => part.type.startsWith("tool-"))
    .map((part) => ({ type: part.type, state: part.state, input: part.input, output: part.output ?? part.errorText })),
});

const seen = {};

// A question with a look-up, answered whole; then a second one, of which only ours is the history.
const whole = newChat("11111111-1111-4111-8111-111111111111");
await whole.sendMessage({ text: "What is your signal for BTC?" });
seen.whole = { status: whole.status, answer: told(whole.lastMessage) };
await whole.sendMessage({ text: "And now?" });
seen.second = { count: whole.messages.length, answer: told(whole.lastMessage) };
await whole.regenerate();
seen.again = { count: whole.messages.length, answer: told(whole.lastMessage) };

// Nothing is being written any more.
await whole.resumeStream();
seen.resumed = { status: whole.status, count: whole.messages.length };

const broken = newChat("22222222-2222-4222-8222-222222222222");
await broken.sendMessage({ text: "Which model breaks off?" });
seen.broken = { status: broken.status, answer: told(broken.lastMessage) };

const failing = newChat("33333333-3333-4333-8333-333333333333");
await failing.sendMessage({ text: "What fails?" });
seen.failing = { status: failing.status, error: failing.error?.message };

const refused = newChat("44444444-4444-4444-8444-444444444444");
await refused.sendMessage({ text: "What is too dear?" }, { body: { price_cap: 1 } });
seen.refused = { status: refused.status, error: refused.error?.message };

// The parsers of three major versions validate every frame, and read the same message.
for (const [name, version] of Object.entries({ ai7, ai6, ai5 })) {
  const transport = new version.DefaultChatTransport(options);
  const stream = await transport.sendMessages({
    trigger: "submit-message",
    chatId: `55555555-5555-4555-8555-55555555555${name.at(-1)}`,
    messages: [{ id: "m-1", role: "user", parts: [{ type: "text", text: `Who reads this, ${name}?` }] }],
    abortSignal: undefined,
  });
  let last;
  for await (const message of version.readUIMessageStream({ stream, terminateOnError: true })) last = message;
  seen[name] = told(last);
}

console.log(JSON.stringify(seen));
