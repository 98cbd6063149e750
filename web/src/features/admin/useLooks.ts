import type { QueueOverview } from "@zmarty/client";
import { useEffect, useState } from "react";
import { keepLooks, type Look, lookAt, readLooks, withLook } from "./samples";

/** All looks of this tab, one more with each answer. */
export function useLooks(overview: QueueOverview | undefined, time: number): Look[] {
  const [looks, setLooks] = useState(readLooks);
  useEffect(() => {
    if (!overview || time === 0) return;
    setLooks(known => {
      const grown = withLook(known, lookAt(overview, time));
      keepLooks(grown);
      return grown;
    });
  }, [overview, time]);
  return looks;
}
