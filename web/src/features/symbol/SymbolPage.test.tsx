import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { configure, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { ApiError } from "@zmarty/client";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Route, Router } from "wouter";
import { memoryLocation } from "wouter/memory-location";
import { ToastProvider } from "~/components/toast";
import { calibration, candle, signal, watched, winRate } from "./fixtures";
import SymbolPage from "./SymbolPage";

/** A whole page is drawn; on a busy machine that takes a while. */
const PATIENCE_MS = 15_000;
configure({ asyncUtilTimeout: PATIENCE_MS });
vi.setConfig({ testTimeout: 2 * PATIENCE_MS });

const page = <Row,>(items: Row[]) => ({ items, next: null });
type Answers = Record<string, unknown>;
const api = { get: vi.fn(), put: vi.fn(), delete: vi.fn() };

vi.mock("~/api/ApiProvider", () => ({ useApi: () => api }));
vi.mock("~/live/LiveProvider", () => ({ useLiveState: () => "live" }));
vi.mock("./CandleChart", () => ({
  default: ({ rows, plan }: { rows: unknown[]; plan: { name: string }[] }) => (
    <div data-testid="candles">
      {rows.length} candles, {plan.map(line => line.name).join(" ")}
    </div>
  ),
}));

const FULL: Answers = {
  "/v1/symbols": page([watched()]),
  "/v1/candles/{symbol}": page([candle(1), candle(0)]),
  "/v1/signals/{symbol}": page([signal(1), signal(0, { direction: "short" })]),
  "/v1/win-rates/{symbol}": page([winRate(), winRate({ direction: "long", n: 5, n_effective: 2 })]),
  "/v1/calibration": page([calibration()]),
  "/v1/intelligence/market/{symbol}": new ApiError("not_found", "Not analysed yet.", 404),
  "/v1/intelligence/patterns/{symbol}": page([]),
  "/v1/analysis/pattern-effectiveness": page([]),
  "/v1/indicators/{symbol}": page([]),
  "/v1/liquidation/clusters/{symbol}": { symbol: "BTC/USDT", maps: [], history: page([]) },
  "/v1/liquidation/monitor/{symbol}": new ApiError("not_found", "No map.", 404),
  "/v1/risk/{symbol}": new ApiError("not_enough_data", "Not enough data.", 404),
  "/v1/jobs": page([]),
};

function show(answers: Answers = {}, path = "/markets/BTC-USDT/1h") {
  const all = { ...FULL, ...answers };
  api.get.mockImplementation(async (asked: string) => {
    const answer = all[asked];
    if (answer instanceof Error) throw answer;
    if (answer === undefined) throw new Error(`Nobody answers ${asked}`);
    return structuredClone(answer);
  });
  const { hook } = memoryLocation({ path });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <ToastProvider>
        <Router hook={hook}>
          <Route path="/markets/:symbol/:timeframe" component={SymbolPage} />
        </Router>
      </ToastProvider>
    </QueryClientProvider>,
  );
}

beforeEach(() => {
  vi.resetAllMocks();
  localStorage.clear();
});

describe("the page of a symbol", () => {
  it("shows candles with the newest signal's levels, and each panel", async () => {
    show();
    expect((await screen.findByTestId("candles")).textContent).toBe(
      "2 candles, Entry Target 1 Target 2 Stop",
    );
    expect(screen.getByTestId("last-price").textContent).toBe("101.00");
    expect(await screen.findByText("Newest signal")).toBeTruthy();
    expect((await screen.findByTestId("record-words")).textContent).toContain("of 841 signals");
    expect(screen.getByText("Too few to say")).toBeTruthy();
    expect(await screen.findByText("No risk for this symbol yet")).toBeTruthy();
    expect(await screen.findByText("No liquidation map yet")).toBeTruthy();
    expect(await screen.findByText("No pattern holds at the moment.")).toBeTruthy();
  });

  it("asks the chat about the pair", async () => {
    show();
    const link = (await screen.findByText("Ask about it")).closest("a");
    expect(decodeURIComponent(link?.getAttribute("href") ?? "")).toContain(
      "/chat?ask=What do you think of BTC/USDT on 1h",
    );
  });

  it("shows an earlier signal on the chart and comes back to the newest", async () => {
    show();
    const rows = await screen.findAllByTestId("past-signal");
    expect(rows).toHaveLength(2);
    const [, older] = rows;
    if (!older) throw new Error("no row");
    await userEvent.click(within(older).getByRole("button"));
    expect(screen.getByText("Earlier signal")).toBeTruthy();
    await userEvent.click(screen.getByText("Back to the newest"));
    expect(screen.getByText("Newest signal")).toBeTruthy();
  });

  it("remembers which layers are shown", async () => {
    show();
    const plan = await screen.findByText("Targets and stop");
    await userEvent.click(plan);
    expect(screen.getByTestId("candles").textContent).toBe("2 candles, ");
    expect(localStorage.getItem("zmarty-chart-layers")).toContain('"plan":false');
  });

  it("leaves the other panels when one fails", async () => {
    show({ "/v1/win-rates/{symbol}": new ApiError("internal_error", "Something broke.", 500) });
    expect(await screen.findByText("Something broke.")).toBeTruthy();
    expect(await screen.findByTestId("candles")).toBeTruthy();
    expect(await screen.findAllByTestId("past-signal")).toHaveLength(2);
  });
});

describe("when there is nothing to show", () => {
  it("says that a symbol is not traded", async () => {
    const unknown = new ApiError("symbol_unknown", "ZZZ/USDT is not traded here.", 404);
    show({ "/v1/candles/{symbol}": unknown, "/v1/symbols": page([]) }, "/markets/ZZZ-USDT/1h");
    expect(await screen.findByText("ZZZ/USDT is not traded here")).toBeTruthy();
    expect(screen.getByRole("link", { name: "To your markets" })).toBeTruthy();
  });

  it("says that a timeframe does not exist", async () => {
    show({}, "/markets/BTC-USDT/7h");
    expect(await screen.findByText("There are no candles of 7h")).toBeTruthy();
  });

  it("says when earlier signals cannot be read", async () => {
    show({ "/v1/signals/{symbol}": { items: [signal(1), signal(0)], next: "older" } });
    const rest = api.get.getMockImplementation();
    let isAway = true;
    api.get.mockImplementation(async (asked: string, how?: { query?: { cursor?: string | null } }) => {
      if (how?.query?.cursor !== "older") return rest?.(asked, how);
      if (isAway) throw new ApiError("unreachable", "Zmarty cannot be reached.", 0);
      return page([signal(-1)]);
    });
    await userEvent.click(await screen.findByRole("button", { name: "Show more" }));
    expect(await screen.findByText(/Earlier signals could not be read/)).toBeTruthy();
    isAway = false;
    await userEvent.click(screen.getByRole("button", { name: "Show more" }));
    await waitFor(() => expect(screen.getAllByTestId("past-signal")).toHaveLength(3));
    expect(screen.queryByText(/Earlier signals could not be read/)).toBeNull();
  });

  it("offers to watch what is not watched", async () => {
    show({ "/v1/candles/{symbol}": page([]), "/v1/symbols": page([]) });
    api.put.mockResolvedValue(watched());
    await userEvent.click(await screen.findByRole("button", { name: "Watch it" }));
    await waitFor(() =>
      expect(api.put).toHaveBeenCalledWith("/v1/symbols", { body: { symbol: "BTC/USDT", timeframe: "1h" } }),
    );
  });

  it("waits for the first candles of what is watched", async () => {
    show({ "/v1/candles/{symbol}": page([]) });
    expect(await screen.findByText("The first candles are on their way")).toBeTruthy();
  });

  it("says that a symbol could not be set up", async () => {
    show({ "/v1/symbols": page([watched({ mirror: { state: "parked", mirrored_at: null } })]) });
    expect(await screen.findByText("This symbol could not be set up")).toBeTruthy();
  });

  it("shows what is known of a pair that is not watched", async () => {
    show({ "/v1/symbols": page([]) });
    expect(await screen.findByText("You do not watch this timeframe")).toBeTruthy();
    expect(await screen.findByTestId("candles")).toBeTruthy();
  });

  it("lets one try again when the candles do not come", async () => {
    show({ "/v1/candles/{symbol}": new ApiError("unreachable", "Zmarty cannot be reached.", 0) });
    expect(await screen.findByRole("button", { name: "Try again" })).toBeTruthy();
  });

  it("has a place for a pair without signals", async () => {
    show({ "/v1/signals/{symbol}": page([]), "/v1/win-rates/{symbol}": page([]) });
    expect(await screen.findByText("No signal yet")).toBeTruthy();
    expect(await screen.findByText("No win rates yet")).toBeTruthy();
  });
});
