import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { createClient, type Message } from "@zmarty/client";
import type { ReactNode } from "react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ToastProvider } from "~/components/toast";
import { askedIn } from "./asked";
import { Conversation } from "./Conversation";

type Handler = (request: {
  method: string;
  path: string;
  headers: Headers;
  body: unknown;
}) => Response | Promise<Response> | undefined;

// A browser's work, on a machine that others use too.
vi.setConfig({ testTimeout: 30_000 });

const api = vi.hoisted(() => ({ client: null as unknown }));
vi.mock("~/api/ApiProvider", () => ({
  useApi: () => api.client,
  ApiProvider: ({ children }: { children: ReactNode }) => children,
}));

const ID = "0a8b7c6d-0000-4000-8000-000000000001";
const json = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
const refusal = (status: number, error: string, details = {}, headers = {}) =>
  json({ error, message: `${error} it is`, details, request_id: "r1" }, status, headers);
const frames = (...list: object[]) =>
  new Response(list.map(frame => `data: ${JSON.stringify(frame)}\n\n`).join(""), {
    headers: { "content-type": "text/event-stream" },
  });
const START = { type: "start", messageId: "m1", messageMetadata: { conversation_id: ID } };
const SAID = [
  { type: "text-start", id: "text-1" },
  { type: "text-delta", id: "text-1", delta: "It is **quite** sure." },
  { type: "text-end", id: "text-1" },
];
const END = [
  { type: "data-credits", id: "credits", data: { charged: 4, balance: 96 } },
  {
    type: "finish",
    finishReason: "stop",
    messageMetadata: { model: "grok-4.7", provider: "xai", credits: 4 },
  },
];
const WHOLE = [START, ...SAID, ...END];
const FAILED = [
  START,
  { type: "data-credits", id: "credits", data: { charged: 0 } },
  { type: "error", errorText: "internal_error: The answer was lost on our side; it is not charged." },
];

/** What the API is asked besides the chat, and each POST /chat with its key and body. */
let posts: { key: string | null; body: Record<string, unknown> }[];
function show(chat: () => Response, more: Handler = () => undefined, isKnown = false) {
  posts = [];
  const fetch = async (address: RequestInfo | URL, init: RequestInit = {}) => {
    const path = String(address).split("?")[0] ?? "";
    const method = init.method ?? "GET";
    const headers = new Headers(init.headers);
    const body = typeof init.body === "string" ? JSON.parse(init.body) : null;
    const own = more({ method, path, headers, body });
    if (own) return own;
    if (path === "/chat") {
      posts.push({ key: headers.get("idempotency-key"), body });
      return chat();
    }
    if (path.endsWith("/stream")) return new Response(null, { status: 204 });
    if (path === "/v1/symbols") return json({ items: [], next: null });
    if (path === "/v1/models") return json({ data: [] });
    return refusal(404, "not_found");
  };
  api.client = createClient({ apiUrl: "", accessToken: async () => "token", fetch });
  const cache = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const onNew = vi.fn();
  render(
    <QueryClientProvider client={cache}>
      <ToastProvider>
        <Conversation
          id={ID}
          stored={[]}
          isKnown={isKnown}
          onBegun={() => {}}
          onNew={onNew}
          symbol={null}
          draft=""
        />
      </ToastProvider>
    </QueryClientProvider>,
  );
  return { onNew };
}

async function ask(text = "How sure are you?") {
  const box = screen.getByRole("textbox", { name: "Your question" });
  await userEvent.type(box, `${text}{Enter}`);
}

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
});

describe("asking", () => {
  it("shows the answer with what it cost and forgets what was asked", async () => {
    show(() => frames(...WHOLE));
    await ask();
    expect((await screen.findByTestId("answer-cost")).textContent).toContain("4 credits · Grok 4.7");
    expect(screen.getByText("quite").tagName).toBe("STRONG");
    expect(posts[0]?.body).toMatchObject({
      message: "How sure are you?",
      conversation_id: ID,
      model: "auto",
    });
    expect(posts[0]?.key).toBeTruthy();
    await waitFor(() => expect(askedIn(ID)).toBeNull());
  });

  it("is not sent by Shift and Enter, nor when it is empty or too long", async () => {
    show(() => frames(...WHOLE));
    const box = screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Your question" });
    await userEvent.type(box, "one{Shift>}{Enter}{/Shift}two");
    expect(box.value).toBe("one\ntwo");
    await userEvent.clear(box);
    expect(screen.getByRole("button", { name: "Send" })).toHaveProperty("disabled", true);
    await userEvent.click(box);
    await userEvent.paste("x".repeat(8_001));
    expect(screen.getByText(/8,001 of 8,000/)).toBeTruthy();
    await userEvent.keyboard("{Enter}");
    expect(posts).toHaveLength(0);
  });

  it("points to the choice of symbols where nothing is watched", async () => {
    show(() => frames(...WHOLE));
    expect((await screen.findByRole("link", { name: "Choose symbols" })).getAttribute("href")).toBe(
      "/welcome",
    );
  });
});

it("waits until the conversation is opened, and shows the question meanwhile", async () => {
  let opened = (_: Response) => {};
  show(
    () => frames(...WHOLE),
    ({ path, method }) =>
      method === "GET" && path.endsWith("/stream")
        ? new Promise<Response>(resolve => {
            opened = resolve;
          })
        : undefined,
    true,
  );
  await ask();
  expect((await screen.findByTestId("question")).textContent).toContain("How sure are you?");
  expect(screen.getByRole("button", { name: "Stop the answer" })).toBeTruthy();
  expect(posts).toHaveLength(0);
  opened(new Response(null, { status: 204 }));
  await screen.findByTestId("answer-cost");
  expect(posts).toHaveLength(1);
  expect(screen.getAllByTestId("question")).toHaveLength(1);
  expect(screen.queryByRole("alert")).toBeNull();
});

describe("a refusal", () => {
  it("for want of credits says when more of them come", async () => {
    show(
      () => refusal(402, "credits_exhausted", { needed: 17, available: 3 }),
      ({ path }) =>
        path === "/v1/credits"
          ? json({
              available: 3,
              limits: { per_request: null, left_today: null },
              next_monthly: { credits: 300, at: "2026-12-01T00:00:00Z" },
            })
          : undefined,
    );
    await ask();
    expect(await screen.findByText("Not enough credits")).toBeTruthy();
    expect(screen.getByText(/Nothing was charged/)).toBeTruthy();
    expect(screen.getByRole("link", { name: "See your credits" }).getAttribute("href")).toBe("/credits");
    expect(await screen.findByText(/300 more credits come on/)).toBeTruthy();
  });

  it("for too many questions counts down", async () => {
    show(() => refusal(429, "rate_limited", {}, { "retry-after": "9" }));
    await ask();
    const ticking = await screen.findByText(/Ask again in 9 s/);
    const button = screen.getByRole("button", { name: "Ask again" });
    expect(button).toHaveProperty("disabled", true);
    // A second later the button is the same one, and nothing that is read out has changed.
    expect(ticking.closest("[aria-hidden]")).toBeTruthy();
    expect(screen.getByText("You can ask again after 9 seconds.")).toBeTruthy();
    await screen.findByText(/Ask again in 8 s/, {}, { timeout: 3_000 });
    expect(screen.getByRole("button", { name: "Ask again" })).toBe(button);
    expect(screen.getByText("You can ask again after 9 seconds.")).toBeTruthy();
  });

  it("of the question gives it back to be changed", async () => {
    show(() => refusal(404, "symbol_unknown"));
    await ask("What of FOO?");
    await userEvent.click(await screen.findByRole("button", { name: "Change the question" }));
    expect(screen.getByRole("textbox", { name: "Your question" })).toHaveProperty("value", "What of FOO?");
    await waitFor(() => expect(screen.queryByTestId("question")).toBeNull());
  });
});

describe("asking again", () => {
  it("after a known failure is a new request, and shows one question", async () => {
    let isBroken = true;
    show(() => (isBroken ? frames(...FAILED) : frames(...WHOLE)));
    await ask();
    expect(await screen.findByText("There is no answer")).toBeTruthy();
    expect(screen.queryByTestId("answer")).toBeNull();
    isBroken = false;
    await userEvent.click(screen.getByRole("button", { name: "Ask again" }));
    await screen.findByTestId("answer-cost");
    expect(screen.getAllByTestId("question")).toHaveLength(1);
    expect(posts[1]?.key).not.toBe(posts[0]?.key);
    expect(posts[1]?.body).toEqual(posts[0]?.body);
  });

  it("when nobody knows what became of it has the same key and body: it is charged once", async () => {
    let isAway = true;
    show(() => {
      if (isAway) throw new TypeError("Failed to fetch");
      return frames(...WHOLE);
    });
    await ask();
    await screen.findByText("Zmarty cannot be reached", {}, { timeout: 4_000 });
    isAway = false;
    await userEvent.click(screen.getByRole("button", { name: "Ask again" }));
    await screen.findByTestId("answer-cost");
    expect(posts[1]).toEqual(posts[0]);
  });
});

describe("a stream that was cut", () => {
  it("is followed again from its beginning", async () => {
    show(
      () => frames(START, ...SAID),
      ({ path, method }) =>
        path === `/v1/chat/${ID}/stream` && method === "GET" ? frames(...WHOLE) : undefined,
    );
    await ask();
    await screen.findByTestId("answer-cost", {}, { timeout: 4_000 });
    expect(screen.getAllByTestId("answer")).toHaveLength(1);
    expect(posts).toHaveLength(1);
  });

  it("shows what is stored when the answer has ended meanwhile", async () => {
    const base: Omit<Message, "id" | "role" | "content"> = {
      provider: null,
      model: null,
      credits: null,
      input_tokens: null,
      output_tokens: null,
      finish_reason: null,
      signals: [],
      cached: false,
      audio_url: null,
      rating: null,
      rating_comment: null,
      created_at: "2026-11-27T01:00:00Z",
      superseded_at: null,
    };
    const stored: Message[] = [
      { ...base, id: "a", role: "assistant", content: "Stored whole.", credits: 6, model: "grok-4.7" },
      { ...base, id: "q", role: "user", content: "How sure are you?" },
    ];
    show(
      () => frames(START, ...SAID),
      ({ path }) => (path.endsWith("/messages") ? json({ items: stored, next: null }) : undefined),
    );
    await ask();
    expect(await screen.findByText("Stored whole.", {}, { timeout: 4_000 })).toBeTruthy();
    expect(screen.getByTestId("answer-cost").textContent).toContain("6 credits");
    expect(askedIn(ID)).toBeNull();
  });
});

describe("answering anew", () => {
  it("brings the answer back that it could not replace", async () => {
    let isBroken = false;
    show(() => (isBroken ? frames(...FAILED) : frames(...WHOLE)));
    await ask();
    await screen.findByTestId("answer-cost");
    isBroken = true;
    await userEvent.click(screen.getByRole("button", { name: "Answer anew" }));
    expect(await screen.findByText("There is no answer")).toBeTruthy();
    expect(screen.getByText("quite")).toBeTruthy();
    expect(posts[1]?.body).toMatchObject({ trigger: "regenerate-message", conversation_id: ID });
    expect(posts[1]?.body).not.toHaveProperty("message");
  });
});

it("stops by telling the API, and shows what was said and charged until then", async () => {
  const encoder = new TextEncoder();
  let writer: ReadableStreamDefaultController<Uint8Array> | undefined;
  const tell = (...list: object[]) => {
    for (const frame of list) writer?.enqueue(encoder.encode(`data: ${JSON.stringify(frame)}\n\n`));
  };
  let stops = 0;
  show(
    () =>
      new Response(
        new ReadableStream<Uint8Array>({
          start(controller) {
            writer = controller;
            tell(START, SAID[0] ?? {}, SAID[1] ?? {});
          },
        }),
      ),
    ({ path, method }) => {
      if (method !== "DELETE" || !path.endsWith("/stream")) return undefined;
      stops += 1;
      tell(
        SAID[2] ?? {},
        { type: "data-credits", id: "credits", data: { charged: 2, balance: 98 } },
        { type: "abort" },
      );
      writer?.close();
      return new Response(null, { status: 204 });
    },
  );
  await ask();
  await screen.findByText("quite");
  await userEvent.click(screen.getByRole("button", { name: "Stop the answer" }));
  expect(await screen.findByText(/You stopped this answer/)).toBeTruthy();
  expect(screen.getByTestId("answer-cost").textContent).toContain("2 credits");
  expect(stops).toBe(1);
});
