import { useQuery } from "@tanstack/react-query";
import { ArrowDown } from "lucide-react";
import { useState, useSyncExternalStore } from "react";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import { whole } from "~/format";
import { Answer, Question, Thinking } from "./Answer";
import { AnswerTrouble } from "./AnswerTrouble";
import { Composer } from "./Composer";
import style from "./Conversation.module.css";
import { FirstUse } from "./FirstUse";
import { type ChatMessage, textOf } from "./messages";
import { estimate } from "./models";
import { OptionsDialog } from "./OptionsDialog";
import { useAsking } from "./useAsking";
import { useSettings } from "./useSettings";
import { useStickToEnd } from "./useStickToEnd";

interface Props {
  id: string;
  stored: ChatMessage[];
  /** Whether there are older messages than these. */
  hasEarlier?: boolean;
  /** Whether the API knows it already: an answer may be under way. */
  isKnown: boolean;
  onBegun: (question: string) => void;
  onNew: () => void;
  /** What another page suggests to ask about. */
  symbol: string | null;
  draft: string;
}

/** One conversation: what was asked and answered, and where the next question is written. */
export function Conversation({
  id,
  stored,
  hasEarlier = false,
  isKnown,
  onBegun,
  onNew,
  symbol: about,
  draft,
}: Props) {
  const asking = useAsking(id, { stored, isKnown });
  const { messages, isBusy, isWaiting, isRecovering, error } = asking;
  const [options, setOptions] = useSettings();
  const [text, setText] = useState(draft);
  const [symbol, setSymbol] = useState(about);
  const [hasOptionsOpen, setOptionsOpen] = useState(false);
  const stick = useStickToEnd();
  const isOnline = useOnline();
  const prices = usePrices();
  const estimateOf = (model: string, hasVoice = options.hasVoice) =>
    estimate({ ...prices, choice: model, priceCap: options.priceCap, hasVoice, question: text });
  const hasVoice = options.hasVoice && prices.plan?.voice !== false;
  const wanted = { ...options, hasVoice };

  const send = (question: string) => {
    setText("");
    asking.ask(question.trim(), wanted, symbol);
    setSymbol(null);
    onBegun(question.trim());
    stick.toEnd();
  };
  const last = messages.at(-1);

  return (
    <div className={style.conversation}>
      <div className={style.scroller} ref={stick.scroller} data-testid="conversation">
        <div
          className={style.content}
          ref={stick.content}
          data-empty={(messages.length === 0 && !isBusy) || undefined}
        >
          {hasEarlier && <p className={style.earlier}>Earlier messages are kept, but not shown here.</p>}
          {messages.length === 0 && !isBusy ? (
            <FirstUse onAsk={send} />
          ) : (
            messages.map((message, order) =>
              message.role === "user" ? (
                <Question key={message.id} message={message} />
              ) : (
                <Answer
                  key={message.id}
                  conversation={id}
                  message={message}
                  question={questionOf(messages, order)}
                  isStreaming={isBusy && message === last}
                  onRegenerate={
                    message === last && !isBusy && messages[order - 1]?.role === "user"
                      ? () => {
                          asking.regenerate(wanted);
                          stick.toEnd();
                        }
                      : undefined
                  }
                />
              ),
            )
          )}
          {isWaiting && <Thinking />}
          {isRecovering && (
            <p className={style.recovering} role="status">
              Looking for the answer under way …
            </p>
          )}
          {error !== null && !isBusy && (
            <AnswerTrouble
              error={error}
              nextCredits={prices.balance?.next_monthly}
              onRetry={() => asking.retry(wanted)}
              onEdit={() => setText(asking.takeBack())}
              onOptions={() => setOptionsOpen(true)}
              onNew={onNew}
            />
          )}
        </div>
      </div>
      <div className={style.bottom}>
        {!stick.isAtEnd && (
          <Button size="small" className={style.newest} onClick={stick.toEnd}>
            <ArrowDown size={16} aria-hidden /> Newest
          </Button>
        )}
        <Composer
          text={text}
          onText={setText}
          onSend={() => send(text)}
          onStop={asking.stop}
          onOptions={() => setOptionsOpen(true)}
          isBusy={isBusy}
          isStopping={asking.isStopping}
          isOffline={!isOnline}
          options={wanted}
          estimate={estimateOf(options.model, hasVoice)}
          symbol={symbol}
          onNoSymbol={() => setSymbol(null)}
        />
        <p className={style.small}>Information, not financial advice. Every trade can lose money.</p>
      </div>
      <Announced isBusy={isBusy} last={last} />
      <OptionsDialog
        isOpen={hasOptionsOpen}
        onClose={() => setOptionsOpen(false)}
        options={options}
        onChange={setOptions}
        models={prices.models}
        plan={prices.plan}
        tier={prices.tier}
        estimateOf={model => estimateOf(model, hasVoice)}
      />
    </div>
  );
}

/** What the answer at a place answers. */
function questionOf(messages: readonly ChatMessage[], place: number): string {
  const before = messages.slice(0, place).filter(message => message.role === "user");
  const last = before.at(-1);
  return last ? textOf(last) : "";
}

/** Reading out every word while it comes helps nobody: the beginning and the end are told. */
function Announced({ isBusy, last }: { isBusy: boolean; last: ChatMessage | undefined }) {
  const charged = (last?.metadata?.credits ?? null) as number | null;
  return (
    <p className="visually-hidden" role="status">
      {isBusy
        ? "Zmarty is answering"
        : last?.role === "assistant" && charged !== null
          ? `The answer is ready. It cost ${whole(charged)} credits.`
          : ""}
    </p>
  );
}

function usePrices() {
  const api = useApi();
  const models = useQuery({
    queryKey: ["models"],
    queryFn: () => api.get("/v1/models"),
    staleTime: 600_000,
  });
  const profile = useQuery({ queryKey: ["profile"], queryFn: () => api.get("/v1/user/profile") });
  const balance = useQuery({ queryKey: ["credits", "balance"], queryFn: () => api.get("/v1/credits") });
  return {
    models: models.data?.data ?? [],
    plan: profile.data?.plan,
    tier: profile.data?.tier,
    balance: balance.data,
  };
}

function useOnline(): boolean {
  return useSyncExternalStore(
    changed => {
      addEventListener("online", changed);
      addEventListener("offline", changed);
      return () => {
        removeEventListener("online", changed);
        removeEventListener("offline", changed);
      };
    },
    () => navigator.onLine,
  );
}
