/** Watched by most, so offered first. */
export const SUGGESTED = [
  "BTC/USDT",
  "ETH/USDT",
  "SOL/USDT",
  "BNB/USDT",
  "XRP/USDT",
  "DOGE/USDT",
  "ADA/USDT",
  "LINK/USDT",
];

const SHOWN_MAX = 24;

/** What is offered for a search: what is chosen stays in sight, suggestions come first. `known` is what the API found. Pure. */
export function choicesOf({
  search,
  known,
  chosen,
}: {
  search: string;
  known: readonly string[] | undefined;
  chosen: readonly string[];
}): string[] {
  const wanted = search.trim().toUpperCase().replace(/[-_ ]/, "/");
  if (!wanted) return unique([...SUGGESTED, ...chosen]);
  // Without the list, what was typed may still be a symbol: the API says so when it is to be watched.
  const found = known ?? typed(wanted);
  const fitting = unique([...SUGGESTED, ...found]).filter(symbol => symbol.startsWith(wanted));
  return fitting.sort((one, other) => rank(one, wanted) - rank(other, wanted)).slice(0, SHOWN_MAX);
}

function typed(wanted: string): string[] {
  const [base = "", quote = "USDT"] = wanted.split("/");
  const symbol = `${base}/${quote || "USDT"}`;
  return /^[A-Z0-9]{2,12}\/[A-Z0-9]{2,12}$/.test(symbol) ? [symbol] : [];
}

/** A coin whose whole name was typed before longer ones, and dollars before other quotes. */
function rank(symbol: string, wanted: string): number {
  const [base, quote] = symbol.split("/");
  return (base === wanted.split("/")[0] ? 0 : 2) + (quote === "USDT" ? 0 : 1);
}

function unique(symbols: readonly string[]): string[] {
  return [...new Set(symbols)];
}
