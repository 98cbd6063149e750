/** What became of a question that was not answered, and what its user can do. Pure. */

import { ApiError, UNREACHABLE } from "@zmarty/client";

export type Remedy = "retry" | "wait" | "credits" | "limits" | "edit" | "options" | "new" | "none";

export interface TroubleView {
  tone: "bad" | "warn" | "info";
  title: string;
  text: string;
  remedy: Remedy;
  /** Seconds until asking again makes sense. */
  waitSeconds: number | null;
  /** Whether it is known that nothing was charged. */
  isUncharged: boolean;
  requestId: string | null;
}

/** The stream was cut and what became of the answer is not known. */
export class AnswerCut extends Error {
  override readonly name = "AnswerCut";
}

export interface Told {
  code: string;
  message: string;
  details: Record<string, unknown>;
  retryAfter: number | null;
  requestId: string | null;
}

const FRAME = /^([a-z][a-z0-9_]*): ([\s\S]*)$/;

/** An error of the API, of the stream (`code: message`), or of the network. */
export function toldBy(error: unknown): Told {
  if (error instanceof ApiError) {
    return {
      code: error.code,
      message: error.message,
      details: error.details,
      retryAfter: error.retryAfter,
      requestId: error.requestId,
    };
  }
  const nothing = { details: {}, retryAfter: null, requestId: null };
  const frame = error instanceof Error && !(error instanceof AnswerCut) ? FRAME.exec(error.message) : null;
  if (frame?.[1] && frame[2] !== undefined) return { code: frame[1], message: frame[2], ...nothing };
  return { code: error instanceof AnswerCut ? "answer_cut" : UNREACHABLE, message: "", ...nothing };
}

/** Codes after which the same question may still be being answered, or be answered already. */
const UNCERTAIN = new Set([UNREACHABLE, "answer_cut", "request_in_progress", "unexpected_answer"]);

/** Whether the question may have been answered and charged all the same. */
export function isUncertain(error: unknown): boolean {
  return UNCERTAIN.has(toldBy(error).code);
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

export function troubleOf(error: unknown): TroubleView {
  const told = toldBy(error);
  const view = (
    title: string,
    text: string,
    remedy: Remedy,
    more: Partial<TroubleView> = {},
  ): TroubleView => ({
    tone: "bad",
    title,
    text,
    remedy,
    waitSeconds: null,
    isUncharged: !isUncertain(error),
    requestId: told.requestId,
    ...more,
  });
  const needed = number(told.details.needed);

  switch (told.code) {
    case UNREACHABLE:
      return view(
        "Zmarty cannot be reached",
        "Check your connection. Asking again does not charge twice: an answer that is ready is shown.",
        "retry",
        { tone: "warn" },
      );
    case "answer_cut":
    case "request_in_progress":
      return view(
        "The connection broke while the answer came",
        "It may be ready. Asking again shows it, and never charges twice.",
        "retry",
        { tone: "warn" },
      );
    case "credits_exhausted": {
      const available = number(told.details.available);
      const text =
        needed !== null && available !== null
          ? `This question needs ${needed} credits at most; you have ${available}.`
          : "There are too few credits for this question.";
      return view("Not enough credits", `${text} A cheaper model or a lower price cap may do.`, "credits", {
        tone: "warn",
      });
    }
    case "spending_limit_reached": {
      const left = number(told.details.left);
      const which = told.details.limit === "per_day" ? "for today" : "for one question";
      const text =
        needed !== null && left !== null
          ? `This question needs ${needed} credits at most; your limit ${which} leaves ${left}.`
          : `Your limit ${which} does not allow this question.`;
      return view("Your spending limit is reached", `${text} You set this limit yourself.`, "limits", {
        tone: "warn",
      });
    }
    case "rate_limited":
      return view("Too many questions at once", "You asked faster than your plan allows.", "wait", {
        tone: "warn",
        waitSeconds: Math.ceil(told.retryAfter ?? 10),
      });
    case "symbol_unknown":
    case "symbol_unsupported":
      return view("This symbol is not known", told.message, "edit", { tone: "warn" });
    case "field_invalid":
    case "body_malformed":
      return /price_cap/.test(JSON.stringify(told.details) + told.message)
        ? view("Your price cap is too low", told.message, "options", { tone: "warn" })
        : view("This question cannot be asked so", told.message, "edit", { tone: "warn" });
    case "model_unknown":
      return view("This model is not offered any more", "Choose another one.", "options", { tone: "warn" });
    case "forbidden":
      return view(
        "Your plan does not include this",
        `${told.message} Whoever runs Zmarty can change your plan.`,
        "options",
        { tone: "warn" },
      );
    case "not_found":
      return view("This conversation is gone", "It was deleted. Begin a new one.", "new", { tone: "warn" });
    case "database_unavailable":
      return view("Zmarty has a problem storing answers", told.message, "retry");
    default:
      return view(
        "There is no answer",
        told.message || "Something unexpected happened. Nothing was charged.",
        "retry",
      );
  }
}
