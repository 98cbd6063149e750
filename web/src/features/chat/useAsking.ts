import { Chat, useChat } from "@ai-sdk/react";
import { useQueryClient } from "@tanstack/react-query";
import { ApiError } from "@zmarty/client";
import { useCallback, useEffect, useRef, useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { type AskOptions, askedAnew, askedIn, forgetAsked, keepAsked } from "./asked";
import { AnswerCut, isUncertain, toldBy } from "./errors";
import { type ChatMessage, conversationFrom, hasEnded } from "./messages";
import { lastAnswer, reconcile } from "./reconcile";
import { ZmartyTransport } from "./transport";

/** How often, and after which pauses, an answer whose stream broke is looked for by itself. */
const RECOVERY_PAUSES_MS = [300, 1_500, 4_000];
/** A stopped answer ends itself within this time; else its stream is left. */
const STOP_MS = 6_000;
const MESSAGES_MAX = 200;
/** How often a growing answer is drawn. */
const DRAW_MS = 60;

export interface Asking {
  messages: ChatMessage[];
  /** Nothing has come yet: sent, or looked for again. */
  isWaiting: boolean;
  isBusy: boolean;
  isStopping: boolean;
  /** The stream broke and is being picked up. */
  isRecovering: boolean;
  error: unknown;
  ask: (text: string, options: AskOptions, symbol: string | null) => void;
  regenerate: (options: AskOptions) => void;
  retry: (options: AskOptions) => void;
  stop: () => void;
  /** Take the question that was refused back, to change it: its text. */
  takeBack: () => string;
}

function questionHeld(text: string): ChatMessage {
  return { id: "held", role: "user", parts: [{ type: "text", text }] };
}

/** One conversation as it is being had: asking, following, stopping, and finding again what was lost. */
export function useAsking(
  conversation: string,
  { stored, isKnown }: { stored: ChatMessage[]; isKnown: boolean },
): Asking {
  const api = useApi();
  const cache = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [isStopping, setStopping] = useState(false);
  const [isRecovering, setRecovering] = useState(false);
  // What there was before an answer was asked for anew: it comes back when there is no better one.
  const before = useRef<ChatMessage[] | null>(null);
  const isGone = useRef(false);
  // What looks for another device's answer when the conversation is opened, until it is done.
  const opening = useRef<Promise<unknown> | null>(null);
  // The text of a question that waits for that; "" when it is an answer anew.
  const [held, setHeld] = useState<string | null>(null);

  const [chat] = useState(() => {
    const made: Chat<ChatMessage> = new Chat<ChatMessage>({
      id: conversation,
      messages: reconcile(stored, askedIn(conversation)).messages,
      transport: new ZmartyTransport(api.connection),
      onError: failure => handlers.current.failed(failure),
      onFinish: ({ message, isAbort, isError }) => handlers.current.finished(message, isAbort || isError),
    });
    return made;
  });
  const { messages, status } = useChat<ChatMessage>({ chat, throttle: DRAW_MS });

  const settled = useCallback(() => {
    forgetAsked(conversation);
    before.current = null;
    setError(null);
    setRecovering(false);
    setStopping(false);
    void cache.invalidateQueries({ queryKey: ["credits"] });
    void cache.invalidateQueries({ queryKey: ["conversations"] });
    void cache.invalidateQueries({ queryKey: ["messages", conversation], refetchType: "none" });
  }, [cache, conversation]);

  const fail = useCallback(
    (failure: unknown) => {
      setRecovering(false);
      setStopping(false);
      if (!isUncertain(failure)) {
        // Nothing of it is stored or charged; and what it would have replaced still holds.
        if (before.current) chat.messages = before.current;
        else if (chat.lastMessage?.role === "assistant" && askedIn(conversation))
          chat.messages = chat.messages.slice(0, -1);
      }
      void cache.invalidateQueries({ queryKey: ["credits"] });
      setError(failure);
    },
    [cache, chat, conversation],
  );

  const load = useCallback(async () => {
    const page = await api.get("/v1/conversations/{conversation_id}/messages", {
      path: { conversation_id: conversation },
      query: { limit: MESSAGES_MAX },
    });
    return conversationFrom(page.items);
  }, [api, conversation]);

  /** Look for the answer under way: its stream, else what is stored. Whether it was found. */
  const find = useCallback(async (): Promise<boolean> => {
    await chat.resumeStream();
    if (isGone.current) return true;
    if (hasEnded(chat.lastMessage)) return true;
    if (chat.status === "error") return false;
    const { messages: found, isAnswered } = reconcile(await load(), askedIn(conversation));
    if (isAnswered) chat.messages = found;
    return isAnswered;
  }, [chat, conversation, load]);

  /** An answer that another device asked for: its question is stored with it, so it is read at its end. */
  const followOthers = useCallback(async () => {
    const known = chat.messages.length;
    await chat.resumeStream();
    if (isGone.current) return;
    chat.clearError();
    if (chat.messages.length === known || askedIn(conversation)) return;
    const found = await load().catch(() => null);
    if (found && !isGone.current) chat.messages = found;
  }, [chat, conversation, load]);

  const recover = useCallback(
    async (reason: unknown) => {
      setRecovering(true);
      setError(null);
      for (const pause of RECOVERY_PAUSES_MS) {
        await new Promise(resolve => setTimeout(resolve, pause));
        if (isGone.current) return;
        try {
          if (await find()) return isGone.current ? undefined : settled();
          // Nobody writes it and it is not stored: looking again finds nothing more.
          if (chat.status !== "error") break;
        } catch (failure) {
          // A conversation that is not there yet was never begun; everything else may pass.
          if (failure instanceof ApiError && failure.status >= 400 && failure.status < 500) break;
        }
      }
      if (!isGone.current) fail(reason);
    },
    [chat, fail, find, settled],
  );

  const handlers = useRef({
    failed: (_: Error) => {},
    finished: (_: ChatMessage, _isBroken: boolean) => {},
  });
  useEffect(() => {
    handlers.current = {
      failed: failure => {
        // Told by whoever looks for the answer.
        if (isRecovering || isGone.current || !askedIn(conversation)) return;
        const { code } = toldBy(failure);
        const isRefused = failure instanceof ApiError && code !== "request_in_progress";
        if (isRefused || !isUncertain(failure)) fail(failure);
        // After the request that failed is over.
        else setTimeout(() => void recover(failure instanceof ApiError ? failure : new AnswerCut()));
      },
      finished: (message, isBroken) => {
        if (isBroken || isRecovering || isGone.current) return;
        if (hasEnded(message)) settled();
        else setTimeout(() => void recover(new AnswerCut()));
      },
    };
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: once, with what was there when the conversation was opened
  useEffect(() => {
    isGone.current = false;
    const asked = askedIn(conversation);
    if (asked && reconcile(stored, asked).isAnswered) forgetAsked(conversation);
    // A question of another device may be being answered too.
    if (isKnown) {
      if (askedIn(conversation)) void recover(new AnswerCut());
      else {
        const looking = followOthers().finally(() => {
          if (opening.current === looking) opening.current = null;
        });
        opening.current = looking;
      }
    }
    return () => {
      isGone.current = true;
      void chat.stop();
    };
  }, [chat]);

  // From its first word on a conversation is in the list.
  const hasBegun = status === "streaming";
  useEffect(() => {
    if (hasBegun) void cache.invalidateQueries({ queryKey: ["conversations"] });
  }, [cache, hasBegun]);

  const isBusy = status === "submitted" || status === "streaming" || isRecovering || held !== null;

  /** Not before the opening's own request is over: the SDK would take its late end for that of the question. */
  const afterOpening = useCallback(async (text: string, begin: () => void) => {
    if (opening.current) {
      setHeld(text);
      while (opening.current) await opening.current.catch(() => undefined);
      setHeld(null);
    }
    begin();
  }, []);

  const ask = useCallback(
    (text: string, options: AskOptions, symbol: string | null) => {
      setError(null);
      void afterOpening(text, () => {
        const after = lastAnswer(chat.messages)?.id ?? null;
        keepAsked(conversation, askedAnew("submit", { conversation, text, symbol, after, options }));
        // Whoever left meanwhile finds it kept, and can ask it.
        if (!isGone.current) void chat.sendMessage({ text });
      });
    },
    [afterOpening, chat, conversation],
  );

  const regenerate = useCallback(
    (options: AskOptions) => {
      setError(null);
      void afterOpening("", () => {
        if (isGone.current) return;
        const after = lastAnswer(chat.messages)?.id ?? null;
        keepAsked(
          conversation,
          askedAnew("regenerate", { conversation, text: "", symbol: null, after, options }),
        );
        before.current = chat.messages;
        void chat.regenerate();
      });
    },
    [afterOpening, chat, conversation],
  );

  const retry = useCallback(
    async (options: AskOptions) => {
      const asked = askedIn(conversation);
      if (!asked) return setError(null);
      const uncertain = isUncertain(error);
      setError(null);
      if (uncertain && chat.messages.length > 1) {
        setRecovering(true);
        const isFound = await find().catch(() => false);
        setRecovering(false);
        if (isFound) return settled();
      }
      // The same key and body may be answered twice and are charged once; a refusal has freed both.
      if (!uncertain) {
        const again = askedAnew(asked.kind, {
          conversation,
          text: asked.text,
          symbol: asked.body.symbol ?? null,
          after: asked.after,
          options,
        });
        keepAsked(conversation, again);
      }
      await chat.regenerate();
    },
    [chat, conversation, error, find, settled],
  );

  const stop = useCallback(() => setStopping(true), []);
  // What has not begun yet is stopped as soon as it has: before, nobody knows of it.
  const canStop = isStopping && status === "streaming";
  useEffect(() => {
    if (!canStop) return;
    const address = { path: { id: conversation } };
    api.delete("/v1/chat/{id}/stream", address).catch(() => setStopping(false));
    const late = setTimeout(() => void chat.stop().then(settled), STOP_MS);
    return () => clearTimeout(late);
  }, [api, canStop, chat, conversation, settled]);

  // Back online: the question was not forgotten.
  useEffect(() => {
    if (!error || !isUncertain(error)) return;
    const back = () => void recover(error);
    addEventListener("online", back);
    return () => removeEventListener("online", back);
  }, [error, recover]);

  const takeBack = useCallback(() => {
    const asked = askedIn(conversation);
    forgetAsked(conversation);
    setError(null);
    chat.clearError();
    if (asked?.kind === "submit" && chat.lastMessage?.role === "user")
      chat.messages = chat.messages.slice(0, -1);
    return asked?.text ?? "";
  }, [chat, conversation]);

  const shown = held ? [...messages, questionHeld(held)] : messages;
  const last = shown.at(-1);
  return {
    messages: shown,
    isWaiting: isBusy && last?.role !== "assistant",
    isBusy,
    isStopping,
    isRecovering,
    error,
    ask,
    regenerate,
    retry: options => void retry(options),
    stop,
    takeBack,
  };
}
