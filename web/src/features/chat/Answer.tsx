import { useMutation } from "@tanstack/react-query";
import { Check, Copy, RefreshCw, RotateCcw, Search, ThumbsDown, ThumbsUp, TriangleAlert } from "lucide-react";
import { type FormEvent, memo, type ReactNode, useEffect, useMemo, useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import { TextField } from "~/components/Field";
import { Badge, Skeleton } from "~/components/states";
import { useToast } from "~/components/toast";
import { whole } from "~/format";
import style from "./Answer.module.css";
import { AnswerSignals } from "./AnswerSignals";
import { Markdown } from "./Markdown";
import { type AnswerView, answerView, type Block, type ChatMessage, type Rating, textOf } from "./messages";
import { modelName } from "./models";
import { Player } from "./Player";

export const Question = memo(function Question({ message }: { message: ChatMessage }) {
  return (
    <div className={style.question} data-testid="question">
      <span className="visually-hidden">You asked: </span>
      <p>{textOf(message)}</p>
    </div>
  );
});

interface Props {
  conversation: string;
  message: ChatMessage;
  /** What it answers. */
  question: string;
  isStreaming: boolean;
  /** Set for the last answer alone. */
  onRegenerate?: (() => void) | undefined;
}

export const Answer = memo(function Answer({
  conversation,
  message,
  question,
  isStreaming,
  onRegenerate,
}: Props) {
  const view = useMemo(() => answerView(message), [message]);
  return (
    <article className={style.answer} data-testid="answer" aria-busy={isStreaming}>
      <div className={style.said}>
        <span className="visually-hidden">Zmarty answered: </span>
        <Notes view={view} />
        <div className={style.blocks}>
          {view.blocks.map(block => (
            <Said key={block.key} block={block} isStreaming={isStreaming} />
          ))}
          {isStreaming && !view.text && <Thinking />}
        </div>
        {view.isStopped && !isStreaming && (
          <p className={style.note}>
            {view.text
              ? "You stopped this answer. What was said until then is kept."
              : "You stopped this answer before it began."}
          </p>
        )}
        {view.isCut && (
          <p className={style.note}>
            The answer reached the longest length that your plan or its price allowed.
          </p>
        )}
        {view.audioUrl && <Player conversation={conversation} messageId={message.id} url={view.audioUrl} />}
        {view.voiceRefusal && <p className={style.note}>{voiceText(view.voiceRefusal)}</p>}
        {view.bill && !isStreaming && <Foot view={view} messageId={message.id} onRegenerate={onRegenerate} />}
      </div>
      <AnswerSignals signals={view.signals} question={question} />
    </article>
  );
});

/** What kind of answer this is, where it is no usual one. */
function Notes({ view }: { view: AnswerView }) {
  if (view.isDataBrief) {
    return (
      <p className={style.kind}>
        <Badge tone="warn">Data brief</Badge>
        <span>
          No model could answer, so these are the stored facts, for 1 credit at most. Ask again later for a
          judgement.
        </span>
      </p>
    );
  }
  if (view.isCached) {
    return (
      <p className={style.kind}>
        <Badge tone="info">Given before</Badge>
        <span>The same question on the same facts, minutes ago: 1 credit. Answer anew for another one.</span>
      </p>
    );
  }
  return null;
}

function voiceText(refusal: string): string {
  const code = refusal.split(":")[0];
  if (code === "forbidden") return "Not spoken: your plan has no voice. Nothing was charged for it.";
  if (code === "credits_exhausted")
    return "Not spoken: the credits did not suffice for voice. Nothing was charged for it.";
  return "Not spoken: voice is not available now. Nothing was charged for it.";
}

function Said({ block, isStreaming }: { block: Block; isStreaming: boolean }) {
  if (block.kind === "text") {
    return <Markdown text={block.text} isStreaming={isStreaming && block.isStreaming} />;
  }
  if (block.kind === "restart") {
    return (
      <p className={style.step} role="status">
        <RotateCcw size={14} aria-hidden /> {block.text}
      </p>
    );
  }
  return (
    <p className={style.step} data-state={block.state}>
      {block.state === "failed" ? <TriangleAlert size={14} aria-hidden /> : <Search size={14} aria-hidden />}
      {block.text}
      {block.state === "failed" ? ": nothing was found" : block.state === "running" ? " …" : ""}
    </p>
  );
}

export function Thinking() {
  return (
    <div className={style.thinking} role="status" aria-label="Zmarty is answering">
      <Skeleton height="0.85rem" width="88%" />
      <Skeleton height="0.85rem" width="94%" />
      <Skeleton height="0.85rem" width="61%" />
    </div>
  );
}

function Foot({
  view,
  messageId,
  onRegenerate,
}: {
  view: AnswerView;
  messageId: string;
  onRegenerate?: (() => void) | undefined;
}) {
  return (
    <footer className={style.foot}>
      <div className={style.actions}>
        {view.text && <CopyButton text={view.text} />}
        {view.text && <Feedback messageId={messageId} given={view.rating} />}
        {onRegenerate && (
          <Action label="Answer anew" onClick={onRegenerate}>
            <RefreshCw size={16} aria-hidden />
          </Action>
        )}
      </div>
      <Paid view={view} />
    </footer>
  );
}

function Action({
  label,
  isPressed,
  onClick,
  children,
}: {
  label: string;
  isPressed?: boolean;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <Button
      kind="quiet"
      isIcon
      className={style.action}
      aria-label={label}
      title={label}
      aria-pressed={isPressed}
      onClick={onClick}
    >
      {children}
    </Button>
  );
}

const COPIED_MS = 1_600;

function CopyButton({ text }: { text: string }) {
  const toast = useToast();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const over = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(over);
  }, [isCopied]);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => toast.failed(new Error("This browser does not allow copying.")),
    );
  return (
    <Action label={isCopied ? "Copied" : "Copy the answer"} onClick={() => void copy()}>
      {isCopied ? <Check size={16} aria-hidden /> : <Copy size={16} aria-hidden />}
    </Action>
  );
}

function Feedback({ messageId, given }: { messageId: string; given: Rating | null }) {
  const api = useApi();
  const toast = useToast();
  const [rating, setRating] = useState(given);
  const [isAsking, setAsking] = useState(false);
  const [comment, setComment] = useState("");
  const path = { message_id: messageId };
  const { mutate } = useMutation({
    mutationFn: async (said: { rating: Rating | null; comment?: string }) => {
      if (said.rating === null) await api.delete("/v1/messages/{message_id}/feedback", { path });
      else {
        await api.put("/v1/messages/{message_id}/feedback", {
          path,
          body: { rating: said.rating, ...(said.comment && { comment: said.comment }) },
        });
      }
    },
    onError: error => {
      setRating(given);
      toast.failed(error);
    },
  });
  const rate = (chosen: Rating) => {
    const next = rating === chosen ? null : chosen;
    setRating(next);
    setAsking(next === "down");
    mutate({ rating: next });
  };
  const tell = (event: FormEvent) => {
    event.preventDefault();
    setAsking(false);
    if (!comment.trim()) return;
    mutate({ rating: "down", comment: comment.trim() });
    toast.done("Thank you. We read this.");
  };
  return (
    <>
      <Action label="Good answer" isPressed={rating === "up"} onClick={() => rate("up")}>
        <ThumbsUp size={16} fill={rating === "up" ? "currentColor" : "none"} aria-hidden />
      </Action>
      <Action label="Bad answer" isPressed={rating === "down"} onClick={() => rate("down")}>
        <ThumbsDown size={16} fill={rating === "down" ? "currentColor" : "none"} aria-hidden />
      </Action>
      {isAsking && (
        <form className={style.comment} onSubmit={tell}>
          <TextField
            label="What was wrong?"
            value={comment}
            maxLength={2_000}
            onChange={event => setComment(event.target.value)}
          />
          <Button type="submit">Send</Button>
        </form>
      )}
    </>
  );
}

/** What it cost, and who was paid for it. */
function Paid({ view: { bill, isDataBrief } }: { view: AnswerView }) {
  if (!bill) return null;
  const tokens = bill.tokens
    ? `${whole(bill.tokens.input)} tokens read, ${whole(bill.tokens.output)} written`
    : undefined;
  return (
    <p className={style.paid} title={tokens} data-testid="answer-cost">
      {bill.charged === 0 ? (
        "Nothing charged"
      ) : (
        <>
          <span className="num">{whole(bill.charged)}</span> {bill.charged === 1 ? "credit" : "credits"}
        </>
      )}
      {bill.model && <> · {isDataBrief ? "no model" : modelName(bill.model)}</>}
    </p>
  );
}
