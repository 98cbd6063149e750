import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { act, render } from "@testing-library/react";
import type { LiveListener } from "@zmarty/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LiveProvider } from "./LiveProvider";

let tell: LiveListener["onEvent"];
const api = { follow: vi.fn() };
vi.mock("~/api/ApiProvider", () => ({ useApi: () => api }));
vi.mock("~/auth/SessionProvider", () => ({ useSession: () => ({ userId: "u1" }) }));

const read = vi.fn();
function Signals({ symbol }: { symbol: string }) {
  useQuery({ queryKey: ["signals", symbol], queryFn: async () => read(symbol) ?? null });
  return null;
}

const signal = (symbol: string) => ({ type: "signal", data: { symbol } });
const wait = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

beforeEach(async () => {
  vi.useFakeTimers();
  read.mockClear();
  api.follow.mockImplementation(async ({ onEvent }: LiveListener) => {
    tell = onEvent;
  });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <LiveProvider>
        <Signals symbol="BTC/USDT" />
        <Signals symbol="ETH/USDT" />
      </LiveProvider>
    </QueryClientProvider>,
  );
  await wait(10);
  tell({ type: "ready", data: { resumed: false } });
  await wait(1_000);
  expect(read).toHaveBeenCalledTimes(2);
  read.mockClear();
});
afterEach(() => vi.useRealTimers());

it("reads once what many events at once make old, and nothing else", async () => {
  for (let times = 0; times < 5; times += 1) {
    tell(signal("BTC/USDT"));
    await wait(20);
  }
  expect(read).not.toHaveBeenCalled();
  await wait(1_000);
  expect(read.mock.calls).toEqual([["BTC/USDT"]]);
});

it("reads everything anew when a later line begins without what was missed", async () => {
  tell({ type: "ready", data: { resumed: true } });
  await wait(1_000);
  expect(read).not.toHaveBeenCalled();
  tell({ type: "ready", data: { resumed: false } });
  await wait(1_000);
  expect(read).toHaveBeenCalledTimes(2);
});
