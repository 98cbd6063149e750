import { ApiError } from "@zmarty/client";
import { useState } from "react";
import { useAction } from "./useAction";

/** Forms that were sent and of which nobody knows what became, by what they are for. */
const unsettled = new Map<string, unknown>();

/** No answer, or none that says whether it happened. */
export function isUnclear(error: Error): boolean {
  return !(error instanceof ApiError) || error.status === 0 || error.status >= 500;
}

/**
 * A form that moves credits, and what comes of it. While its outcome is not known it stays as it was sent, with its key:
 * closed and opened again it is the same order, and cannot happen twice.
 */
export function useOrder<Form extends object, Answer>(
  name: string,
  empty: () => Form,
  send: (form: Form) => Promise<Answer>,
) {
  const [form, setForm] = useState(() => (unsettled.get(name) as Form | undefined) ?? empty());
  const [isLeft, setLeft] = useState(() => unsettled.has(name));
  const action = useAction(async (given: Form) => {
    unsettled.set(name, given);
    try {
      const answer = await send(given);
      unsettled.delete(name);
      return answer;
    } catch (error) {
      if (error instanceof Error && !isUnclear(error)) unsettled.delete(name);
      throw error;
    }
  });
  return {
    form,
    /** Left from before: it was sent, and not confirmed. */
    isLeft: isLeft && !action.error,
    isBusy: action.isPending,
    error: action.error,
    done: action.data,
    set: (field: keyof Form, text: string) => {
      // What is under way is told with what was sent.
      if (!action.isPending) setForm(known => ({ ...known, [field]: text }));
    },
    submit: () => action.mutate(form),
    another: () => {
      unsettled.delete(name);
      setLeft(false);
      action.reset();
      setForm(empty());
    },
  };
}
