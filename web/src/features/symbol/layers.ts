import { useState } from "react";

export const LAYERS = [
  { id: "signals", name: "Signals" },
  { id: "plan", name: "Targets and stop" },
  { id: "levels", name: "Levels" },
  { id: "patterns", name: "Patterns" },
  { id: "liquidations", name: "Liquidations" },
  { id: "volume", name: "Volume" },
] as const;

export type Layer = (typeof LAYERS)[number]["id"];
export type Layers = Record<Layer, boolean>;

const KEY = "zmarty-chart-layers";
const FIRST: Layers = {
  signals: true,
  plan: true,
  levels: true,
  patterns: true,
  liquidations: true,
  volume: true,
};

/** What was chosen, whatever a browser kept: unknown and broken entries count as not chosen. */
export function layersIn(stored: string | null): Layers {
  try {
    const told: unknown = JSON.parse(stored ?? "{}");
    if (typeof told !== "object" || told === null) return FIRST;
    const known = told as Record<string, unknown>;
    return Object.fromEntries(
      LAYERS.map(({ id }) => [id, typeof known[id] === "boolean" ? known[id] : FIRST[id]]),
    ) as Layers;
  } catch {
    return FIRST;
  }
}

export function useLayers(): [Layers, (layer: Layer) => void] {
  const [layers, setLayers] = useState(() => layersIn(localStorage.getItem(KEY)));
  const toggle = (layer: Layer) => {
    const chosen = { ...layers, [layer]: !layers[layer] };
    localStorage.setItem(KEY, JSON.stringify(chosen));
    setLayers(chosen);
  };
  return [layers, toggle];
}
