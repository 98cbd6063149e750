/** The timeframes of candles, shortest first: how long they last, and how they are said. Pure. */

import type { CandleRow } from "@zmarty/client";

export type Timeframe = CandleRow["timeframe"];

/** How long one candle lasts. */
export const TIMEFRAME_SECONDS: Record<Timeframe, number> = {
  "1m": 60,
  "5m": 300,
  "15m": 900,
  "30m": 1_800,
  "1h": 3_600,
  "4h": 14_400,
  "1d": 86_400,
  "1w": 604_800,
};

/** As it is said in a sentence. */
export const TIMEFRAME_WORDS: Record<Timeframe, string> = {
  "1m": "1 minute",
  "5m": "5 minutes",
  "15m": "15 minutes",
  "30m": "30 minutes",
  "1h": "1 hour",
  "4h": "4 hours",
  "1d": "1 day",
  "1w": "1 week",
};

export const TIMEFRAMES = Object.keys(TIMEFRAME_SECONDS) as Timeframe[];

export const TIMEFRAME_DEFAULT: Timeframe = "1h";
