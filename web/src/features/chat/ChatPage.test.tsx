import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { createClient } from "@zmarty/client";
import type { ReactNode } from "react";
import { beforeEach, expect, it, vi } from "vitest";
import { Route, Router } from "wouter";
import { memoryLocation } from "wouter/memory-location";
import { ToastProvider } from "~/components/toast";
import { askedAnew, askedIn, keepAsked } from "./asked";
import ChatPage from "./ChatPage";

// A browser's work, on a machine that others use too.
vi.setConfig({ testTimeout: 30_000 });

const api = vi.hoisted(() => ({ client: null as unknown }));
vi.mock("~/api/ApiProvider", () => ({ useApi: () => api.client }));
vi.mock("./History", () => ({ History: (): ReactNode => null }));

const ID = "0a8b7c6d-0000-4000-8000-000000000001";
const json = (body: unknown, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
const missing = () =>
  json({ error: "not_found", message: "No such conversation.", details: {}, request_id: "r" }, 404);

function show(messages: () => Response) {
  const fetch = async (address: RequestInfo | URL) => {
    const path = String(address).split("?")[0] ?? "";
    if (path.endsWith("/messages")) return messages();
    if (path.endsWith("/stream")) return new Response(null, { status: 204 });
    if (path === "/v1/models") return json({ data: [] });
    if (path === "/chat") {
      const frames = [
        { type: "start", messageId: "m1" },
        { type: "text-start", id: "1" },
        { type: "text-delta", id: "1", delta: "Here it is." },
        { type: "text-end", id: "1" },
        { type: "data-credits", id: "credits", data: { charged: 4, balance: 96 } },
        { type: "finish", finishReason: "stop" },
      ];
      return new Response(frames.map(frame => `data: ${JSON.stringify(frame)}\n\n`).join(""), {
        headers: { "content-type": "text/event-stream" },
      });
    }
    return missing();
  };
  api.client = createClient({ apiUrl: "", accessToken: async () => "token", fetch });
  const { hook, searchHook } = memoryLocation({ path: `/chat/${ID}` });
  const cache = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const page = () => (
    <QueryClientProvider client={cache}>
      <Router hook={hook} searchHook={searchHook}>
        <ToastProvider>
          <Route path="/chat/:conversation?" component={ChatPage} />
        </ToastProvider>
      </Router>
    </QueryClientProvider>
  );
  const { rerender } = render(page());
  return { again: () => rerender(page()) };
}

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
});

it("keeps a question that never arrived, also after it was asked again and answered", async () => {
  const options = { model: "auto", priceCap: null, hasVoice: false };
  keepAsked(ID, askedAnew("submit", { conversation: ID, text: "Why?", symbol: null, after: null, options }));
  const { again } = show(missing);
  await userEvent.click(await screen.findByRole("button", { name: "Ask again" }));
  expect(await screen.findByText("Here it is.")).toBeTruthy();
  await waitFor(() => expect(askedIn(ID)).toBeNull());
  act(() => {
    again();
    dispatchEvent(new Event("visibilitychange"));
  });
  await new Promise(resolve => setTimeout(resolve, 50));
  expect(screen.getByText("Here it is.")).toBeTruthy();
  expect(screen.queryByText("There is no such conversation")).toBeNull();
});

it("says that a conversation is gone which nobody asked in", async () => {
  show(missing);
  expect(await screen.findByText("There is no such conversation")).toBeTruthy();
});

it("says when a long conversation has a beginning that is not shown", async () => {
  const question = { id: "q", role: "user", content: "Why?", superseded_at: null };
  show(() => json({ items: [question], next: "older" }));
  expect(await screen.findByText(/Earlier messages are kept/)).toBeTruthy();
});
