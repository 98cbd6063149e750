import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { ApiError } from "@zmarty/client";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Route } from "wouter";
import AdminPage from "./AdminPage";
import { aLetter, anOverview, aQueue, show } from "./testing";

const HEALTHY = {
  status: "healthy",
  reasons: [],
  commit: "development",
  checked_at: "2026-01-01T00:00:00Z",
  up_seconds: 60,
  databases: {},
  sign_in: { status: "healthy", keys_age_seconds: 5 },
  providers: {},
  queues: [],
  workers: [],
  cron: [],
  horizon_age_seconds: null,
  outbox: { pending: 0, oldest_age_seconds: null, parked: 0 },
};

const { session, api } = vi.hoisted(() => ({
  session: {
    isOperator: true,
    email: "boss@example.com",
    signOut: vi.fn(),
    auth: { refreshSession: vi.fn() },
  },
  api: { get: vi.fn(), post: vi.fn(), connection: { apiUrl: "", fetch: vi.fn() } },
}));

// Dialogs and forms on a machine that is busy with other things.
vi.setConfig({ testTimeout: 15_000 });

vi.mock("~/auth/SessionProvider", () => ({ useSession: () => session }));
vi.mock("~/api/ApiProvider", () => ({ useApi: () => api }));

/** What each path answers; an error is thrown. */
function answers(given: Record<string, unknown>) {
  api.get.mockImplementation(async (path: string) => {
    const answer = given[path];
    if (answer instanceof Error) throw answer;
    if (answer === undefined) throw new ApiError("not_found", `Nothing at ${path}.`, 404);
    return answer;
  });
}

function healthAnswers(over: object = {}, status = 200) {
  api.connection.fetch.mockImplementation(async () => Response.json({ ...HEALTHY, ...over }, { status }));
}

const fill = (field: HTMLElement, value: string) => fireEvent.change(field, { target: { value } });
const open = (path = "/admin") => show(<Route path="/admin/:part?" component={AdminPage} />, path);
const refused = new ApiError("operator_required", "Operators only.", 403);
const NO_PROVIDERS = { providers: [], vendors: [], sources: [] };

beforeEach(() => {
  vi.resetAllMocks();
  sessionStorage.clear();
  Object.assign(session, { isOperator: true });
  Element.prototype.scrollIntoView = vi.fn();
  healthAnswers();
});

describe("access", () => {
  it("tells who is no operator how to become one, and asks the API for nothing", async () => {
    Object.assign(session, { isOperator: false });
    open();
    expect(screen.getByRole("heading", { name: "This page is for operators" })).toBeTruthy();
    expect(screen.getByText("zmarty token boss@example.com --operator")).toBeTruthy();
    expect(api.get).not.toHaveBeenCalled();
  });

  it("looks again when asked, and says what came of it", async () => {
    Object.assign(session, { isOperator: false });
    session.auth.refreshSession.mockResolvedValue({
      data: { session: { user: { app_metadata: {} } } },
      error: null,
    });
    open();
    await userEvent.click(screen.getByRole("button", { name: "Check again" }));
    expect(await screen.findByText("This account is not an operator yet.")).toBeTruthy();
  });

  it("notices when the rights have ended", async () => {
    answers({ "/v1/admin/queues": refused });
    open();
    expect(await screen.findByRole("heading", { name: "You are no longer an operator" })).toBeTruthy();
  });

  it("leads an address that is none to the queues", async () => {
    answers({ "/v1/admin/queues": anOverview(), "/v1/admin/providers": NO_PROVIDERS });
    open("/admin/nonsense");
    expect((await screen.findByRole("link", { name: "Queues" })).getAttribute("aria-current")).toBe("page");
  });
});

describe("queues", () => {
  it("says that everything works", async () => {
    answers({ "/v1/admin/queues": anOverview(), "/v1/admin/providers": NO_PROVIDERS });
    open();
    expect((await screen.findByTestId("all-good")).textContent).toBe("Everything works.");
  });

  it("says what is wrong while a database is down, which is an answer with status 503", async () => {
    healthAnswers(
      { status: "unavailable", reasons: ["the trading database does not answer (TimeoutError)"] },
      503,
    );
    answers({ "/v1/admin/queues": new ApiError("database_unavailable", "The database is away.", 503) });
    open();
    expect(await screen.findByText("Unavailable")).toBeTruthy();
    const troubles = screen.getByTestId("troubles");
    expect(within(troubles).getByRole("link").getAttribute("href")).toBe("/admin/health");
    expect(screen.getByText("The database is away.")).toBeTruthy();
  });

  it("shows who paused a queue, and resumes it without asking", async () => {
    const paused = aQueue("compute_risk", {
      paused_at: "2026-01-01T00:00:00Z",
      paused_by: "user:3f0a ada@example.com",
    });
    answers({ "/v1/admin/queues": anOverview({ queues: [paused] }), "/v1/admin/providers": NO_PROVIDERS });
    api.post.mockResolvedValue({ queue: "compute_risk", is_paused: false, changed: true });
    open();
    expect(await screen.findByText("by ada@example.com")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Resume compute_risk" }));
    expect(api.post).toHaveBeenCalledWith("/v1/admin/queues/{queue}/resume", {
      path: { queue: "compute_risk" },
    });
    expect(await screen.findByText("compute_risk hands out messages again.")).toBeTruthy();
  });

  it("asks before it pauses, and tells of a refusal", async () => {
    answers({ "/v1/admin/queues": anOverview(), "/v1/admin/providers": NO_PROVIDERS });
    api.post.mockRejectedValue(new ApiError("database_unavailable", "The database is away.", 503));
    open();
    await userEvent.click(await screen.findByRole("button", { name: "Pause compute_risk" }));
    expect(api.post).not.toHaveBeenCalled();
    const dialog = await screen.findByRole("dialog", { name: "Pause compute_risk?" });
    await userEvent.click(within(dialog).getByRole("button", { name: "Pause" }));
    // Once for eyes, once for screen readers.
    expect(await screen.findAllByText("Nothing was confirmed: The database is away.")).not.toHaveLength(0);
  });

  it("deletes the messages of a queue only when its name was typed", async () => {
    answers({
      "/v1/admin/queues": anOverview(),
      "/v1/admin/providers": NO_PROVIDERS,
      "/v1/admin/queues/{queue}/messages": { items: [], next: null },
    });
    api.post.mockResolvedValue({ queue: "compute_risk", purged: 3, limit: 10_000 });
    open();
    await userEvent.click(await screen.findByRole("button", { name: "Look into compute_risk" }));
    expect(await screen.findByText("The queue is empty")).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Purge compute_risk" }));
    const dialog = await screen.findByRole("dialog", { name: "Purge compute_risk?" });
    const yes = within(dialog).getByRole<HTMLButtonElement>("button", { name: "Delete the messages" });
    expect(yes.disabled).toBe(true);
    fill(within(dialog).getByRole("textbox"), "compute_risk");
    await userEvent.click(yes);
    expect(api.post).toHaveBeenCalledWith("/v1/admin/queues/{queue}/purge", {
      path: { queue: "compute_risk" },
      body: { confirm: "compute_risk" },
    });
    expect(await screen.findByText("3 messages of compute_risk deleted.")).toBeTruthy();
  });
});

describe("dead letters", () => {
  const letters = [aLetter("a", 1), aLetter("a", 2, { can_retry: false }), aLetter("b", 3)];
  const queues = anOverview({ queues: [aQueue("a", { dead: 2 }), aQueue("b", { dead: 1 })] });

  it("says that there are none", async () => {
    answers({ "/v1/admin/queues": queues, "/v1/admin/dead-letters": { items: [], next: null } });
    open("/admin/dead-letters");
    expect(await screen.findByText("No dead letters")).toBeTruthy();
  });

  it("retries those chosen that can be, and says what came of each queue", async () => {
    answers({ "/v1/admin/queues": queues, "/v1/admin/dead-letters": { items: letters, next: null } });
    api.post.mockImplementation(async (_path: string, { path, body }) => {
      if (path.queue === "b") throw new ApiError("database_unavailable", "The database is away.", 503);
      return { queue: path.queue, asked: body.msg_ids.length, done: body.msg_ids.length };
    });
    open("/admin/dead-letters");
    const retry = await screen.findByRole<HTMLButtonElement>("button", { name: "Retry selected" });
    expect(retry.disabled).toBe(true);
    await userEvent.click(screen.getByRole("checkbox", { name: "Select all shown" }));
    expect(screen.getByText("3 selected")).toBeTruthy();
    await userEvent.click(retry);
    const dialog = await screen.findByRole("dialog", { name: "Retry 2 dead letters?" });
    await userEvent.click(within(dialog).getByRole("button", { name: "Retry" }));
    await waitFor(() =>
      expect(screen.getByTestId("letters-result").textContent).toBe(
        "1 of 3 dead letters retried. 1 holds no message that could be sent again. b (1): The database is away.",
      ),
    );
    expect(api.post).toHaveBeenCalledWith("/v1/admin/dead-letters/{queue}/retry", {
      path: { queue: "a" },
      body: { msg_ids: [1] },
    });
  });

  it("does not offer to retry what holds no message, and shows it in full", async () => {
    answers({ "/v1/admin/queues": queues, "/v1/admin/dead-letters": { items: letters, next: null } });
    open("/admin/dead-letters");
    await userEvent.click(await screen.findByRole("button", { name: /a #2/ }));
    const dialog = await screen.findByRole("dialog", { name: "a #2" });
    expect(within(dialog).getByRole<HTMLButtonElement>("button", { name: "Retry" }).disabled).toBe(true);
    expect(within(dialog).getByRole<HTMLButtonElement>("button", { name: "Discard" }).disabled).toBe(false);
    expect(within(dialog).getByText(/NOPE\/USDT/)).toBeTruthy();
  });

  it("asks for one queue's when its address says so", async () => {
    answers({ "/v1/admin/queues": queues, "/v1/admin/dead-letters": { items: [], next: null } });
    open("/admin/dead-letters?queue=b");
    expect(await screen.findByText("b has no dead letters")).toBeTruthy();
    expect(api.get).toHaveBeenCalledWith(
      "/v1/admin/dead-letters",
      expect.objectContaining({ query: expect.objectContaining({ queue: "b" }) }),
    );
  });
});

describe("money", () => {
  const books = {
    accounts: 1,
    balance: 90,
    held: 0,
    entries: [],
    entries_sum: 100,
    holds: { holds: 0, credits: 0, oldest_age_seconds: null, overdue: 0 },
    agrees: false,
    differences: [{ user_id: "u-1", balance: 90, entries: 100, held: 0, holds: 0 }],
  };

  it("says when the books differ", async () => {
    answers({ "/v1/admin/queues": anOverview(), "/v1/admin/money": books });
    open("/admin/money");
    expect(await screen.findByText("The books differ")).toBeTruthy();
    expect(screen.getByText("u-1")).toBeTruthy();
  });

  it("keeps the key of a grant that was not confirmed, so that sending it again is safe", async () => {
    answers({ "/v1/admin/queues": anOverview(), "/v1/admin/money": books });
    const done = { entry_id: 9, user_id: "u", credits: 50, balance: 150, is_new: true };
    api.post
      .mockRejectedValueOnce(new ApiError("unreachable", "Zmarty cannot be reached.", 0))
      .mockResolvedValue(done);
    open("/admin/money");
    await userEvent.click(screen.getByRole("button", { name: "Grant credits" }));
    const dialog = await screen.findByRole("dialog", { name: "Grant credits" });
    await userEvent.click(within(dialog).getByRole("button", { name: "Grant" }));
    expect(api.post).not.toHaveBeenCalled();
    expect(within(dialog).getAllByRole("alert")).toHaveLength(3);
    fill(within(dialog).getByLabelText("User id"), "1b4e28ba-2fa1-41d2-883f-0016d3cca427");
    fill(within(dialog).getByLabelText("Credits"), "50");
    fill(within(dialog).getByLabelText("Reason"), "Sorry for the outage");
    await userEvent.click(within(dialog).getByRole("button", { name: "Grant" }));
    expect(await within(dialog).findByText("Nothing was confirmed")).toBeTruthy();
    await userEvent.click(within(dialog).getByRole("button", { name: "Grant" }));
    expect((await screen.findByTestId("corrected")).textContent).toContain("The balance is 150 now.");
    const [first, second] = api.post.mock.calls.map(([, order]) => order.body.key);
    expect(second).toBe(first);
  });

  it("stays open while it works, and comes back with its key when nobody knows what became of it", async () => {
    answers({ "/v1/admin/queues": anOverview(), "/v1/admin/money": books });
    let fail = (_: Error) => {};
    api.post.mockReset();
    api.post.mockImplementationOnce(() => new Promise((_, reject) => (fail = reject)));
    open("/admin/money");
    const openForm = async () => {
      await userEvent.click(screen.getByRole("button", { name: "Refund a charge" }));
      return screen.findByRole("dialog", { name: "Refund a charge" });
    };
    const dialog = await openForm();
    fill(within(dialog).getByLabelText("Entry"), "7");
    fill(within(dialog).getByLabelText("Reason"), "Sorry for the outage");
    await userEvent.click(within(dialog).getByRole("button", { name: "Refund" }));
    expect(within(dialog).getByRole("button", { name: "Cancel" })).toHaveProperty("disabled", true);
    await userEvent.keyboard("{Escape}");
    await userEvent.click(within(dialog).getByRole("button", { name: "Close" }));
    fill(within(dialog).getByLabelText("Key"), "another");
    fail(new ApiError("unreachable", "Zmarty cannot be reached.", 0));
    expect(await within(dialog).findByText("Nothing was confirmed")).toBeTruthy();
    await userEvent.click(within(dialog).getByRole("button", { name: "Cancel" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());

    const again = await openForm();
    expect(within(again).getByText("The last one was not confirmed")).toBeTruthy();
    api.post.mockResolvedValue({ entry_id: 9, user_id: "u", credits: 5, balance: 55, is_new: true });
    await userEvent.click(within(again).getByRole("button", { name: "Refund" }));
    await screen.findByTestId("corrected");
    const [first, second] = api.post.mock.calls.map(([, order]) => order.body);
    expect(second).toEqual(first);
    await userEvent.click(screen.getByRole("button", { name: "Another one" }));
    expect(screen.getByLabelText("Entry")).toHaveProperty("value", "");
  });
});
