import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { ApiError } from "@zmarty/client";
import { beforeEach, expect, it, vi } from "vitest";
import { signalSample, watchedSample } from "~/features/markets/samples";
import WelcomePage from "./WelcomePage";

const page = (items: unknown[]) => ({ items, next: null });
const known = vi.hoisted(() => ({
  answers: {} as Record<string, unknown>,
  put: vi.fn(),
  delete: vi.fn(),
  heard: null as null | ((event: { type: string; data: Record<string, unknown> }) => void),
}));

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
vi.mock("~/live/LiveProvider", () => ({
  useLiveEvents: (heard: typeof known.heard) => {
    known.heard = heard;
  },
}));

beforeEach(() => {
  known.put.mockReset();
  known.delete.mockReset().mockResolvedValue(undefined);
  known.answers = {
    "/v1/symbols": page([]),
    "/v1/candles/{symbol}": page([]),
    "/v1/signals/{symbol}": page([]),
    "/v1/indicators/{symbol}": page([]),
    "/v1/win-rates/{symbol}": page([]),
    "/v1/instruments": page([]),
    "/v1/user/profile": { plan: { symbols_max: 5 } },
  };
});

function open() {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <WelcomePage />
    </QueryClientProvider>,
  );
  return client;
}

it("watches what was chosen and shows how far it is", async () => {
  known.put.mockImplementation(async (_path, { body }) => {
    const added = watchedSample({ ...body, mirror: { state: "pending", mirrored_at: null } });
    known.answers["/v1/symbols"] = page([added]);
    return added;
  });
  open();
  fireEvent.click(await screen.findByRole("button", { name: /ETH/ }));
  fireEvent.click(screen.getByRole("button", { name: "Watch" }));

  const row = await screen.findByTestId("arrival-BTC-USDT-1h");
  expect(row.getAttribute("data-stage")).toBe("saved");
  expect(known.put).toHaveBeenCalledTimes(1);
});

it("goes on with the live line up to the first signal", async () => {
  known.answers["/v1/symbols"] = page([watchedSample()]);
  const client = open();
  const row = await screen.findByTestId("arrival-BTC-USDT-1h");
  expect(row.getAttribute("data-stage")).toBe("mirrored");

  known.heard?.({ type: "candle", data: { symbol: "BTC/USDT", timeframe: "1h", count: 500 } });
  expect(await screen.findByText("500 candles arrived")).toBeTruthy();

  known.answers["/v1/signals/{symbol}"] = page([signalSample()]);
  await client.invalidateQueries();
  await waitFor(() => expect(row.getAttribute("data-stage")).toBe("signal"));
  expect(screen.getByText("Your markets are ready")).toBeTruthy();
  expect(screen.getByTestId("signal-card")).toBeTruthy();
  expect(screen.getByRole("link", { name: "See the market" }).getAttribute("href")).toBe(
    "/markets/BTC-USDT/1h",
  );
});

it("stays with the choice when the plan allows nothing of it", async () => {
  known.answers["/v1/user/profile"] = new ApiError("internal", "Away.", 500);
  known.put.mockRejectedValue(
    new ApiError("forbidden", "The free plan watches at most 0 symbols.", 403, { rule: "symbols_max" }),
  );
  open();
  fireEvent.click(await screen.findByRole("button", { name: "Watch 2 symbols" }));
  expect(await screen.findByText(/at most 0 symbols/)).toBeTruthy();
});

it("says which symbol was refused and goes on with the others", async () => {
  known.put.mockImplementation(async (_path, { body }) => {
    if (body.symbol === "ETH/USDT") throw new ApiError("symbol_unknown", "ETH/USDT is not traded here.", 404);
    const added = watchedSample(body);
    known.answers["/v1/symbols"] = page([added]);
    return added;
  });
  open();
  fireEvent.click(await screen.findByRole("button", { name: "Watch 2 symbols" }));
  expect(await screen.findByText("ETH/USDT is not traded here.")).toBeTruthy();
  expect(screen.getByTestId("arrival-BTC-USDT-1h")).toBeTruthy();
});

it("lets a symbol go that was not accepted", async () => {
  known.answers["/v1/symbols"] = page([watchedSample({ mirror: { state: "parked", mirrored_at: null } })]);
  open();
  fireEvent.click(await screen.findByRole("button", { name: "Remove BTC/USDT" }));
  await waitFor(() => expect(known.delete).toHaveBeenCalled());
});
