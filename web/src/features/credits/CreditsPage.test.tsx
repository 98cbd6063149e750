import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { configure, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { ApiError, type BalanceAnswer, type EntryAnswer } from "@zmarty/client";
import { beforeEach, expect, it, vi } from "vitest";
import { ToastProvider } from "~/components/toast";
import CreditsPage from "./CreditsPage";

const api = { get: vi.fn(), put: vi.fn(), file: vi.fn() };
const saveFile = vi.hoisted(() => vi.fn());
vi.mock("~/api/ApiProvider", () => ({ useApi: () => api }));
vi.mock("~/api/saveFile", () => ({ saveFile }));

const BALANCE: BalanceAnswer = {
  balance: 90,
  held: 20,
  available: 70,
  low: false,
  low_since: null,
  grants: [{ id: 1, kind: "monthly", credits: 100, remaining: 90, expires_at: "2026-12-01T00:00:00Z" }],
  next_monthly: { credits: 300, at: "2026-12-01T00:00:00Z" },
  limits: { per_request: null, per_day: 50, used_today: 30, left_today: 20 },
};
const ENTRY: EntryAnswer = {
  id: 9,
  kind: "charge",
  amount: -4,
  balance_after: 90,
  provider: "xai",
  model: "grok-4.7",
  input_tokens: 1_509,
  output_tokens: 371,
  reason: "chat",
  refund_of: null,
  conversation_id: "c1",
  created_at: "2026-11-27T02:56:05Z",
};
const PLAN = { price_cap: 20, tokens_max: 1_000, symbols_max: 5 };

let answers: Record<string, (options?: { query?: Record<string, unknown> }) => unknown>;

// Typing and looking for roles takes its time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });
configure({ asyncUtilTimeout: 10_000 });

beforeEach(() => {
  answers = {
    "/v1/credits": () => BALANCE,
    "/v1/credits/history": () => ({ items: [ENTRY], next: null }),
    "/v1/credits/statements/{month}": () => ({
      month: "2026-11",
      opening: 0,
      closing: 90,
      totals: [],
      days: [],
    }),
    "/v1/models": () => ({ object: "list", data: [] }),
    "/v1/user/profile": () => ({ tier: "free", plan: PLAN, member_since: "2026-11-01T00:00:00Z" }),
  };
  for (const call of [api.get, api.put, api.file, saveFile]) call.mockReset();
  api.get.mockImplementation(async (path: string, options) => answers[path]?.(options));
});

function show() {
  const cache = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={cache}>
      <ToastProvider>
        <CreditsPage />
      </ToastProvider>
    </QueryClientProvider>,
  );
  return { user: userEvent.setup(), cache };
}

it("shows what is available, what is set aside and what comes next", async () => {
  show();
  expect((await screen.findByTestId("available")).textContent).toBe("70");
  expect(screen.getByTestId("held").textContent).toBe("20");
  expect(screen.getByText(/300 more come on/)).toBeTruthy();
  expect(screen.getByText(/30 used today, 20 left/)).toBeTruthy();
});

it("warns when credits run low", async () => {
  answers["/v1/credits"] = () => ({ ...BALANCE, low: true, low_since: "2026-11-27T00:00:00Z" });
  show();
  expect(await screen.findByText("Your credits run low")).toBeTruthy();
});

it("links a charge to the conversation that it paid for", async () => {
  show();
  const link = await screen.findByRole("link", { name: /Answer in the chat/ });
  expect(link.getAttribute("href")).toBe("/chat/c1");
  expect(screen.getByText("Grok 4.7 · 1,509 tokens read, 371 written")).toBeTruthy();
});

it("says so when nothing has moved, or nothing fits the filter", async () => {
  answers["/v1/credits/history"] = () => ({ items: [], next: null });
  const { user } = show();
  expect(await screen.findByText("Nothing has moved yet")).toBeTruthy();
  await user.selectOptions(screen.getByLabelText("Kind"), "refund");
  expect(await screen.findByText("Nothing fits this choice")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Show everything" }));
  expect(await screen.findByText("Nothing has moved yet")).toBeTruthy();
});

it("shows why the history did not come, and asks again", async () => {
  answers["/v1/credits/history"] = () => {
    throw new ApiError("database_unavailable", "The database is away.", 503);
  };
  const { user } = show();
  expect(await screen.findByText("The database is away.")).toBeTruthy();
  answers["/v1/credits/history"] = () => ({ items: [ENTRY], next: null });
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("Answer in the chat")).toBeTruthy();
});

it("reads older ones from where it was", async () => {
  answers["/v1/credits/history"] = options =>
    options?.query?.cursor === "more"
      ? { items: [{ ...ENTRY, id: 8, reason: "mcp", conversation_id: null }], next: null }
      : { items: [ENTRY], next: "more" };
  const { user } = show();
  await user.click(await screen.findByRole("button", { name: "Show older" }));
  expect(await screen.findByText("Lookup by an agent")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Show older" })).toBeNull();
});

it("saves the CSV of what is chosen, and says when that fails", async () => {
  const file = new Blob(["id\r\n"]);
  api.file
    .mockRejectedValueOnce(new ApiError("unreachable", "Zmarty cannot be reached.", 0))
    .mockResolvedValueOnce(file);
  const { user } = show();
  await user.selectOptions(await screen.findByLabelText("Kind"), "charge");
  const button = screen.getByRole("button", { name: /Download CSV/ });
  await user.click(button);
  expect(await screen.findByText("The file could not be made")).toBeTruthy();
  expect(saveFile).not.toHaveBeenCalled();
  await user.click(button);
  await waitFor(() =>
    expect(saveFile).toHaveBeenCalledWith(file, expect.stringMatching(/^zmarty-credits-.*\.csv$/)),
  );
  expect(api.file).toHaveBeenLastCalledWith(
    "/v1/credits/history",
    expect.objectContaining({ query: { kind: "charge", format: "csv" } }),
  );
  expect(screen.queryByText("The file could not be made")).toBeNull();
});

it("refuses a limit that is none, and shows the API's refusal at its field", async () => {
  const { user } = show();
  const field = await screen.findByLabelText("Most credits for one question");
  await user.type(field, "0");
  await user.click(screen.getByRole("button", { name: "Save limits" }));
  expect(await screen.findByText("At least 1, or empty for no limit.")).toBeTruthy();
  expect(api.put).not.toHaveBeenCalled();

  api.put.mockRejectedValueOnce(
    new ApiError("field_invalid", "per_request: must be smaller", 422, {
      field: "per_request",
      rule: "must be smaller",
    }),
  );
  await user.clear(field);
  await user.type(field, "7");
  await user.click(screen.getByRole("button", { name: "Save limits" }));
  expect(await screen.findByText("This must be smaller.")).toBeTruthy();
  expect(field.getAttribute("aria-invalid")).toBe("true");
});

it("saves limits, and lifts the one that is empty", async () => {
  api.put.mockResolvedValueOnce(BALANCE.limits);
  const { user } = show();
  await user.clear(await screen.findByLabelText("Most credits in a day"));
  await user.click(screen.getByRole("button", { name: "Save limits" }));
  await waitFor(() =>
    expect(api.put).toHaveBeenCalledWith("/v1/credits/limits", {
      body: { per_request: null, per_day: null },
    }),
  );
  expect(await screen.findByText("Your limits are saved.")).toBeTruthy();
});

it("follows a balance that is pushed", async () => {
  const { cache } = show();
  await screen.findByText("Answer in the chat");
  answers["/v1/credits"] = () => ({ ...BALANCE, available: 61 });
  await cache.invalidateQueries({ queryKey: ["credits"] });
  await waitFor(() => expect(screen.getByTestId("available").textContent).toBe("61"));
});
