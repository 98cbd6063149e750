import { type ReactNode, useState } from "react";
import { Button } from "~/components/Button";
import { Dialog } from "~/components/Dialog";
import { TextField } from "~/components/Field";
import style from "./admin.module.css";

/** One question before something happens; `word` must be typed first where nothing can bring back what goes. */
export function Ask({
  title,
  yes,
  isHarmful = false,
  word,
  isBusy,
  onYes,
  onClose,
  children,
}: {
  title: string;
  yes: string;
  isHarmful?: boolean;
  word?: string;
  isBusy: boolean;
  onYes: () => void;
  onClose: () => void;
  children: ReactNode;
}) {
  const [typed, setTyped] = useState("");
  const isReady = word === undefined || typed.trim() === word;
  return (
    <Dialog isOpen onClose={onClose} title={title} description={children}>
      <form
        onSubmit={event => {
          event.preventDefault();
          if (isReady && !isBusy) onYes();
        }}
      >
        {word !== undefined && (
          <div className={style.askWord}>
            <TextField
              label={`Type ${word} to go ahead`}
              value={typed}
              onChange={event => setTyped(event.target.value)}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
            />
          </div>
        )}
        <div className={style.askActions}>
          <Button kind="quiet" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" kind={isHarmful ? "danger" : "primary"} isBusy={isBusy} disabled={!isReady}>
            {yes}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
