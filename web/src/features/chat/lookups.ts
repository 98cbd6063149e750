/** What a model looked up, in words. Pure. */

const SUBJECTS: Record<string, string> = {
  get_signals: "the newest signals",
  get_candles_summary: "the last candles",
  get_win_rate: "the win rate",
  get_liquidation_clusters: "the liquidation clusters",
  get_risk: "the risk",
};

/** "Looked up the win rate of BTC/USDT 1h". */
export function lookupText(tool: string, input: unknown, isDone: boolean): string {
  const given = typeof input === "object" && input !== null ? (input as Record<string, unknown>) : {};
  const pair = [given.symbol, given.timeframe].filter(part => typeof part === "string").join(" ");
  const of = pair ? ` of ${pair}` : "";
  if (tool === "simulate") return `${isDone ? "Replayed" : "Replaying"} the past${of}`;
  const subject = SUBJECTS[tool] ?? tool.replace(/^get_/, "").replaceAll("_", " ");
  return `${isDone ? "Looked up" : "Looking up"} ${subject}${of}`;
}
