import { ArrowUp, Settings2, Square, Volume2, WifiOff, X } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef } from "react";
import { Button } from "~/components/Button";
import { whole } from "~/format";
import type { AskOptions } from "./asked";
import style from "./Composer.module.css";
import { AUTO, type Estimate, modelName } from "./models";

/** As the API has it. */
export const QUESTION_LENGTH_MAX = 8_000;
const LENGTH_TOLD_FROM = 7_000;

interface Props {
  text: string;
  onText: (text: string) => void;
  onSend: () => void;
  onStop: () => void;
  onOptions: () => void;
  isBusy: boolean;
  isStopping: boolean;
  isOffline: boolean;
  options: AskOptions;
  estimate: Estimate | null;
  symbol: string | null;
  onNoSymbol: () => void;
}

/** Where a question is written. Enter sends it, Shift and Enter break the line. */
export function Composer({ text, onText, onSend, onStop, onOptions, ...props }: Props) {
  const { isBusy, isStopping, isOffline, options, estimate, symbol, onNoSymbol } = props;
  const box = useRef<HTMLTextAreaElement>(null);
  const noteId = useId();
  const length = text.trim().length;
  const isTooLong = length > QUESTION_LENGTH_MAX;
  const canSend = length > 0 && !isTooLong && !isBusy;

  // biome-ignore lint/correctness/useExhaustiveDependencies: it grows with its text
  useEffect(() => {
    const area = box.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  }, [text]);

  const send = (event?: FormEvent) => {
    event?.preventDefault();
    if (canSend) onSend();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While a word of another script is being put together, Enter ends the word.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form className={style.composer} onSubmit={send} aria-label="Ask a question">
      {symbol && (
        <span className={style.about}>
          About {symbol}
          <button type="button" aria-label={`Do not ask about ${symbol}`} onClick={onNoSymbol}>
            <X size={14} aria-hidden />
          </button>
        </span>
      )}
      <textarea
        ref={box}
        className={style.text}
        rows={1}
        value={text}
        onChange={event => onText(event.target.value)}
        onKeyDown={onKeyDown}
        placeholder="Ask about a symbol, a signal, or your plan"
        aria-label="Your question"
        aria-describedby={noteId}
        aria-invalid={isTooLong || undefined}
        enterKeyHint="send"
        autoComplete="off"
      />
      <div className={style.row}>
        <Button
          kind="quiet"
          size="small"
          className={style.options}
          onClick={onOptions}
          aria-label={`How to answer: ${modelName(options.model)}`}
        >
          <Settings2 size={16} aria-hidden />
          <span>{options.model === AUTO ? "Auto" : modelName(options.model)}</span>
          {options.priceCap !== null && <span className={style.cap}>up to {whole(options.priceCap)}</span>}
          {options.hasVoice && <Volume2 size={16} aria-label="with voice" />}
        </Button>
        <span id={noteId} className={style.note} data-bad={isTooLong || undefined} aria-live="polite">
          {isOffline ? (
            <>
              <WifiOff size={14} aria-hidden /> You are offline
            </>
          ) : isTooLong || length >= LENGTH_TOLD_FROM ? (
            <span className="num">
              {whole(length)} of {whole(QUESTION_LENGTH_MAX)} characters
            </span>
          ) : estimate ? (
            <Cost estimate={estimate} />
          ) : null}
        </span>
        {isBusy ? (
          <Button
            kind="secondary"
            isIcon
            className={style.send}
            onClick={onStop}
            disabled={isStopping}
            aria-label={isStopping ? "Stopping" : "Stop the answer"}
          >
            <Square size={16} fill="currentColor" aria-hidden />
          </Button>
        ) : (
          <Button
            type="submit"
            kind="primary"
            isIcon
            className={style.send}
            disabled={!canSend}
            aria-label="Send"
          >
            <ArrowUp size={20} aria-hidden />
          </Button>
        )}
      </div>
    </form>
  );
}

function Cost({ estimate: { usual, most } }: { estimate: Estimate }) {
  if (most === 0) return <>No credits left</>;
  return (
    <>
      <span className={style.usual}>
        Usually about <span className="num">{whole(usual)}</span>,{" "}
      </span>
      at most <span className="num">{whole(most)}</span> {most === 1 ? "credit" : "credits"}
    </>
  );
}
