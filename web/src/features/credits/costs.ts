/** What a question costs, by model: docs/zmarty-blueprint/60-CREDITS-PRICING.md with the rates that the API tells. Pure. */

import type { EntryAnswer, ModelAnswer, Rate } from "@zmarty/client";

export interface Size {
  input: number;
  output: number;
}

/** For whoever has asked nothing yet. */
export const EXAMPLE: Size = { input: 1_000, output: 400 };

export function costOf({ input_per_1k, output_per_1k, call_minimum }: Rate, { input, output }: Size): number {
  return Math.ceil((input * input_per_1k + output * output_per_1k) / 1000) + call_minimum;
}

/** The middle of what one's own questions took; null when none of them says. */
export function usualSize(entries: readonly EntryAnswer[]): Size | null {
  const sized = entries.filter(entry => entry.input_tokens !== null && entry.output_tokens !== null);
  if (sized.length === 0) return null;
  return {
    input: middle(sized.map(entry => entry.input_tokens ?? 0)),
    output: middle(sized.map(entry => entry.output_tokens ?? 0)),
  };
}

function middle(values: number[]): number {
  const ordered = [...values].sort((one, other) => one - other);
  const low = ordered[Math.floor((ordered.length - 1) / 2)] ?? 0;
  const high = ordered[Math.ceil((ordered.length - 1) / 2)] ?? 0;
  return Math.round((low + high) / 2);
}

export interface Priced {
  family: string;
  /** Models of the family that cost the same. */
  models: ModelAnswer[];
  rate: Rate;
}

/** One row a family; two where its models differ in price. */
export function pricesOf(models: readonly ModelAnswer[]): Priced[] {
  const rows: Priced[] = [];
  for (const model of models) {
    const { family, rate } = model;
    // A family's own line repeats the price of its first model.
    if (!family || !rate || family === model.id) continue;
    const known = rows.find(row => row.family === family && isSame(row.rate, rate));
    if (known) known.models.push(model);
    else rows.push({ family, models: [model], rate });
  }
  return rows;
}

function isSame(one: Rate, other: Rate): boolean {
  return (
    one.input_per_1k === other.input_per_1k &&
    one.output_per_1k === other.output_per_1k &&
    one.call_minimum === other.call_minimum
  );
}
