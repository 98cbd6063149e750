import type { WatchedSymbol } from "@zmarty/client";

type Pair = Pick<WatchedSymbol, "symbol" | "timeframe">;

const GENERAL = ["How sure are you of BTC/USDT 1h?", "How often were your signals right?"];
const SUGGESTIONS_MAX = 4;

/** Questions about what a user watches, each of another kind. */
export function suggestionsFor(watched: readonly Pair[]): string[] {
  const [first, second] = watched;
  if (!first) return GENERAL;
  const other = second ?? first;
  const name = ({ symbol, timeframe }: Pair) => `${symbol} ${timeframe}`;
  return [
    `How sure are you of ${name(first)}?`,
    `How often were ${name(other)} signals right?`,
    `What speaks against the newest ${name(first)} signal?`,
    watched.length > 1
      ? "Which of my symbols looks best now?"
      : `Where are the liquidation clusters of ${first.symbol}?`,
  ].slice(0, SUGGESTIONS_MAX);
}
