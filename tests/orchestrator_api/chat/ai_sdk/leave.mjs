// Leaves, follows, stops and repeats answers of POST /chat, as the AI SDK's clients do, and is refused. Arguments: the API's address, a
// user's token; the address of an instance that keeps limits, the token of a user who has used up credits and limits. Prints what it saw
// as one JSON object. The models are scripted by the test.
import { Chat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";

const [url, token, limited, poorToken] = process.argv.slice(2);

const bearing = (bearer, more = {}) => ({ Authorization: `Bearer ${bearer}`, ...more });

function newChat(id, { api = url, headers = bearing(token) } = {}) {
  const prepareReconnectToStreamRequest = () => ({ api: `${api}/v1/chat/${id}/stream`, headers });
  return new Chat({ id, transport: new DefaultChatTransport({ api: `${api}/chat`, headers, prepareReconnectToStreamRequest }) });
}

const textOf = (message) => (message?.parts ?? []).filter((part) => part.type === "text").map((part) => part.text).join("");

const seenOf = (chat) => ({
  status: chat.status,
  error: chat.error?.message ?? null,
  id: chat.lastMessage?.id,
  text: textOf(chat.lastMessage),
  credits: chat.lastMessage?.metadata?.credits ?? null,
});

async function hears(chat, text) {
  while (!textOf(chat.lastMessage).includes(text)) await new Promise((later) => setTimeout(later, 5));
}

const seen = {};

const left = newChat("11111111-1111-4111-8111-111111111111");
const leaving = left.sendMessage({ text: "Who leaves?" });
await hears(left, "Half");
await left.stop();
await leaving;
seen.left = seenOf(left);
// The model goes on when this is asked.
const next = newChat("22222222-2222-4222-8222-222222222222");
await next.sendMessage({ text: "Who stays?" });
seen.next = seenOf(next);

const stopped = newChat("33333333-3333-4333-8333-333333333333");
const asking = stopped.sendMessage({ text: "What is stopped?" });
await hears(stopped, "Half");
const follower = newChat("33333333-3333-4333-8333-333333333333");
const following = follower.resumeStream();
await hears(follower, "Half");
const answer = await fetch(`${url}/v1/chat/33333333-3333-4333-8333-333333333333/stream`, { method: "DELETE", headers: bearing(token) });
await Promise.all([asking, following]);
seen.stopped = { code: answer.status, asker: seenOf(stopped), follower: seenOf(follower) };

// One request, sent again: its body is the same to the byte.
async function once() {
  const chat = newChat("44444444-4444-4444-8444-444444444444", { headers: bearing(token, { "Idempotency-Key": "once" }) });
  await chat.sendMessage({ id: "m-1", role: "user", parts: [{ type: "text", text: "What is asked twice?" }] });
  return seenOf(chat);
}
seen.twice = [await once(), await once()];

async function refused(options) {
  const chat = newChat("55555555-5555-4555-8555-555555555555", options);
  await chat.sendMessage({ text: "Who may not ask?" });
  return { status: chat.status, ...JSON.parse(chat.error.message) };
}
seen.unknown = await refused({ headers: bearing("nobody") });
seen.poor = await refused({ headers: bearing(poorToken) });
seen.late = await refused({ api: limited, headers: bearing(poorToken) });
seen.reused = await refused({ headers: bearing(token, { "Idempotency-Key": "once" }) });

console.log(JSON.stringify(seen));
