import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { ApiError } from "@zmarty/client";
import { beforeEach, expect, it, vi } from "vitest";
import { ToastProvider } from "~/components/toast";
import MarketsPage from "./MarketsPage";
import { candlesSample, daySample, signalSample, watchedSample, winRateSample } from "./samples";

const page = (items: unknown[]) => ({ items, next: null });
const known = vi.hoisted(() => ({ answers: {} as Record<string, unknown>, put: vi.fn(), delete: vi.fn() }));

vi.mock("~/api/ApiProvider", () => {
  const api = {
    get: async (path: string) => {
      const answer = known.answers[path];
      if (answer instanceof Error) throw answer;
      return answer;
    },
    put: (...given: unknown[]) => known.put(...given),
    delete: (...given: unknown[]) => known.delete(...given),
  };
  return { useApi: () => api };
});

const soon = () => new Date(Date.now() - 60_000).toISOString();

beforeEach(() => {
  known.put.mockReset();
  known.delete.mockReset().mockResolvedValue(undefined);
  known.answers = {
    "/v1/symbols": page([watchedSample()]),
    "/v1/candles/{symbol}": page(daySample(60_000, 60_600, soon())),
    "/v1/signals/{symbol}": page([signalSample()]),
    "/v1/win-rates/{symbol}": page([winRateSample()]),
    "/v1/instruments": page([{ symbol: "PEPE/USDT", base: "PEPE", quote: "USDT" }]),
    "/v1/user/profile": { plan: { symbols_max: 5 } },
  };
});

function open() {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <ToastProvider>
        <MarketsPage />
      </ToastProvider>
    </QueryClientProvider>,
  );
}

const row = () => screen.findByTestId("market-BTC-USDT-1h");

it("shows what is known of a symbol", async () => {
  open();
  const text = (await row()).textContent;
  await waitFor(async () => expect((await row()).textContent).toContain("60,600.00"));
  expect((await row()).textContent).toMatch(/\+1\.00%.*Long.*64.*42%.*35%–50%.*n 842.*Live/);
  expect(text).toContain("BTC/USDT");
  expect(screen.getByText("1 of 5 symbols")).toBeTruthy();
});

it.each([
  ["pending", "Being set up"],
  ["parked", "Not accepted"],
] as const)("says that a symbol is %s", async (state, word) => {
  known.answers["/v1/symbols"] = page([watchedSample({ mirror: { state, mirrored_at: null } })]);
  known.answers["/v1/candles/{symbol}"] = page([]);
  known.answers["/v1/signals/{symbol}"] = page([]);
  known.answers["/v1/win-rates/{symbol}"] = page([]);
  open();
  await waitFor(async () => expect((await row()).textContent).toContain(word));
  expect((await row()).textContent).toContain("No signal yet");
  if (state === "parked") expect((await row()).textContent).toContain("Remove it");
});

it("says that data is late", async () => {
  known.answers["/v1/candles/{symbol}"] = page(
    candlesSample([1, 2], new Date(Date.now() - 4 * 3_600_000).toISOString()),
  );
  open();
  await waitFor(async () => expect((await row()).textContent).toMatch(/Data late.*4 h ago/));
});

it("keeps the row when its data cannot be read", async () => {
  known.answers["/v1/candles/{symbol}"] = new ApiError("database_unavailable", "Away.", 503);
  open();
  await waitFor(async () => expect((await row()).textContent).toContain("Unknown"));
});

it("leads from an empty list to the first symbol", async () => {
  known.answers["/v1/symbols"] = page([]);
  known.put.mockResolvedValue(watchedSample({ symbol: "ETH/USDT" }));
  open();
  fireEvent.click(await screen.findByRole("button", { name: "Watch a symbol" }));
  fireEvent.click(await screen.findByRole("button", { name: /ETH/ }));
  fireEvent.click(screen.getByRole("button", { name: "Watch" }));

  expect(await screen.findByText("ETH/USDT is being set up.")).toBeTruthy();
  expect(known.put).toHaveBeenCalledWith("/v1/symbols", { body: { symbol: "ETH/USDT", timeframe: "1h" } });
});

it("says what the plan allows and keeps what was chosen", async () => {
  known.answers["/v1/user/profile"] = new ApiError("internal", "Away.", 500);
  known.put.mockRejectedValue(
    new ApiError("forbidden", "The free plan watches at most 5 symbols.", 403, { rule: "symbols_max" }),
  );
  open();
  fireEvent.click(await screen.findByRole("button", { name: "Watch a symbol" }));
  fireEvent.click(await screen.findByRole("button", { name: /ETH/ }));
  fireEvent.click(screen.getByRole("button", { name: /SOL/ }));
  fireEvent.click(screen.getByRole("button", { name: "Watch 2 symbols" }));

  expect(await screen.findByText(/at most 5 symbols/)).toBeTruthy();
  expect(known.put).toHaveBeenCalledTimes(1);
  expect(screen.getByRole("button", { name: "Watch 2 symbols" })).toBeTruthy();
});

it("offers nothing more when the plan is full", async () => {
  known.answers["/v1/user/profile"] = { plan: { symbols_max: 1 } };
  open();
  fireEvent.click(await screen.findByRole("button", { name: "Watch a symbol" }));
  const dialog = within(await screen.findByRole("dialog"));
  expect(await dialog.findByText(/watches no more symbols/)).toBeTruthy();
  expect(dialog.getByRole("button", { name: /ETH/ }).hasAttribute("disabled")).toBe(true);
});

it("finds a symbol that is not suggested", async () => {
  open();
  fireEvent.click(await screen.findByRole("button", { name: "Watch a symbol" }));
  fireEvent.change(await screen.findByLabelText("Symbols"), { target: { value: "pe" } });
  expect(await screen.findByRole("button", { name: /PEPE/ })).toBeTruthy();
});

it("stops watching at once and takes it back", async () => {
  known.put.mockResolvedValue(watchedSample());
  open();
  fireEvent.click(await screen.findByRole("button", { name: "What can be done with BTC/USDT 1h" }));
  known.answers["/v1/symbols"] = page([]);
  fireEvent.click(await screen.findByRole("menuitem", { name: "Stop watching" }));
  expect(await screen.findByText("You watch no symbol yet")).toBeTruthy();
  fireEvent.click(await screen.findByRole("button", { name: "Undo" }));
  await waitFor(() => expect(known.put).toHaveBeenCalled());
});

it("says when the list cannot be read", async () => {
  known.answers["/v1/symbols"] = new ApiError("database_unavailable", "The database is away.", 503);
  open();
  expect(await screen.findByText("The database is away.")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Try again" })).toBeTruthy();
});
