/** The market of the picture beside the form: made up, the same for everybody, and without an end. Pure. */

export interface Bar {
  at: number;
  open: number;
  high: number;
  low: number;
  close: number;
}

export interface Story {
  at: number;
  entry: number;
  target: number;
  stop: number;
  /** The bar that reached the target. */
  reachedAt: number;
}

export const PERIOD = 36;
/** Where in a period the signal comes: shortly after the low. */
const TURN = 29;
const TARGET = 7;
const STOP = 3.4;
export const LOWEST = 86;
export const HIGHEST = 114;

/** Noise in -1 … 1 that looks like chance and is not. */
function noise(at: number): number {
  const wave = Math.sin(at * 127.1 + 11.7) * 43_758.5453;
  return 2 * (wave - Math.floor(wave)) - 1;
}

function priceAt(at: number): number {
  return 100 + 7 * Math.sin((2 * Math.PI * at) / PERIOD) + 1.7 * Math.sin(at / 2.3) + 0.9 * noise(at);
}

export function barAt(at: number): Bar {
  const open = priceAt(at);
  const close = priceAt(at + 1);
  return {
    at,
    open,
    close,
    high: Math.max(open, close) + 0.3 + 0.8 * Math.abs(noise(at + 0.4)),
    low: Math.min(open, close) - 0.3 - 0.8 * Math.abs(noise(at + 0.7)),
  };
}

/** The newest signal that is known at a bar. */
export function storyAt(at: number): Story {
  const turn = at - ((((at - TURN) % PERIOD) + PERIOD) % PERIOD);
  const entry = barAt(turn).close;
  let reachedAt = turn + 1;
  while (barAt(reachedAt).high < entry + TARGET && reachedAt < turn + PERIOD) reachedAt += 1;
  return { at: turn, entry, target: entry + TARGET, stop: entry - STOP, reachedAt };
}
