import { useState } from "react";
import { z } from "zod";
import type { AskOptions } from "./asked";
import { AUTO, PRICE_CAP_MAX } from "./models";

const KEY = "zmarty-ask";
const shape = z.object({
  model: z.string().catch(AUTO),
  priceCap: z.number().int().min(1).max(PRICE_CAP_MAX).nullable().catch(null),
  hasVoice: z.boolean().catch(false),
});
const USUAL: AskOptions = { model: AUTO, priceCap: null, hasVoice: false };

function kept(): AskOptions {
  try {
    return shape.safeParse(JSON.parse(localStorage.getItem(KEY) ?? "")).data ?? USUAL;
  } catch {
    return USUAL;
  }
}

/** How answers are asked for; this browser remembers it. */
export function useSettings(): [AskOptions, (options: AskOptions) => void] {
  const [options, setOptions] = useState(kept);
  return [
    options,
    chosen => {
      localStorage.setItem(KEY, JSON.stringify(chosen));
      setOptions(chosen);
    },
  ];
}
