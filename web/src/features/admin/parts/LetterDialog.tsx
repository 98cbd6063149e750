import type { DeadLetter } from "@zmarty/client";
import { RotateCcw, Trash2 } from "lucide-react";
import { Button } from "~/components/Button";
import { Dialog } from "~/components/Dialog";
import { Badge } from "~/components/states";
import { dateTime } from "~/format";
import style from "../admin.module.css";
import { CopyButton, Source } from "../bits";
import type { Verb } from "../letters";
import { pretty } from "../words";

/** A dead letter in full. */
export function LetterDialog({
  letter,
  isBusy,
  onAsk,
  onClose,
}: {
  letter: DeadLetter;
  isBusy: boolean;
  onAsk: (verb: Verb, letters: DeadLetter[]) => void;
  onClose: () => void;
}) {
  const facts: [string, string][] = [
    ["Attempts", letter.attempts == null ? "–" : String(letter.attempts)],
    ["First failed", letter.first_failed_at ? dateTime(letter.first_failed_at) : "–"],
    ["Last failed", letter.last_failed_at ? dateTime(letter.last_failed_at) : "–"],
    ["Buried", dateTime(letter.buried_at)],
  ];
  return (
    <Dialog
      isOpen
      isWide
      onClose={onClose}
      title={`${letter.queue} #${letter.msg_id}`}
      actions={
        <>
          <CopyButton text={pretty(letter)} label="Copy the whole letter" name="Copy all" />
          <Button kind="danger" isBusy={isBusy} onClick={() => onAsk("discard", [letter])}>
            <Trash2 size={16} aria-hidden />
            Discard
          </Button>
          <Button
            kind="primary"
            isBusy={isBusy}
            disabled={!letter.can_retry}
            onClick={() => onAsk("retry", [letter])}
          >
            <RotateCcw size={16} aria-hidden />
            Retry
          </Button>
        </>
      }
    >
      <div className={style.stack}>
        <p className={style.letterError}>
          <Badge tone="bad">{letter.code ?? "unreadable"}</Badge>{" "}
          {letter.error || "No reason was written down."}
        </p>
        {!letter.can_retry && (
          <p className="muted small">
            It holds no original message, so it cannot be sent again; it can be discarded.
          </p>
        )}
        <dl className={style.facts}>
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd className="num">{value}</dd>
            </div>
          ))}
        </dl>
        <Source title="Message" value={letter.original} />
        {letter.traceback && <Source title="Traceback" value={letter.traceback} />}
      </div>
    </Dialog>
  );
}
