import { useState } from "react";
import { type Refusal, refusalOf, type Told } from "./refusal";

/** Asks the auth server one thing at a time, and keeps what it refused. */
export function useAsk() {
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [isBusy, setBusy] = useState(false);

  /** What came of it; null when it was refused. */
  async function ask<A extends { data: unknown; error: Told | null }>(
    work: () => Promise<A>,
  ): Promise<A["data"] | null> {
    setBusy(true);
    setRefusal(null);
    try {
      const { data, error } = await work();
      if (!error) return data;
      setRefusal(refusalOf(error));
    } catch (error) {
      setRefusal(refusalOf(error instanceof Error ? error : { message: "" }));
    } finally {
      setBusy(false);
    }
    return null;
  }

  const textAt = (field: Refusal["field"]) => (refusal?.field === field ? refusal.text : null);
  return { ask, isBusy, refusal, setRefusal, textAt };
}
