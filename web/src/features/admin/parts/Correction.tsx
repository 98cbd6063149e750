import type { Corrected } from "@zmarty/client";
import type { FormEvent, ReactNode } from "react";
import { Button } from "~/components/Button";
import { Dialog } from "~/components/Dialog";
import { TextField } from "~/components/Field";
import { Notice } from "~/components/states";
import { signed, whole } from "~/format";
import style from "../admin.module.css";
import { isUnclear } from "../useOrder";

/** The frame of the forms that move credits: their fields, what went wrong, and what came of it. */
export function Correction({
  title,
  yes,
  description,
  isBusy,
  isLeft,
  error,
  done,
  reason,
  onSubmit,
  onAnother,
  onClose,
  children,
}: {
  title: string;
  yes: string;
  description: ReactNode;
  isBusy: boolean;
  /** Sent before the form was closed, and not confirmed. */
  isLeft: boolean;
  error: Error | null;
  done: Corrected | undefined;
  reason: {
    reason: string;
    key: string;
    faults: { reason?: string; key?: string };
    set: (name: "reason" | "key", text: string) => void;
  };
  onSubmit: () => void;
  onAnother: () => void;
  onClose: () => void;
  children: ReactNode;
}) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isBusy) onSubmit();
  };
  // Closed while it works it would hide what came of it.
  const close = () => {
    if (!isBusy) onClose();
  };
  if (done) {
    return (
      <Dialog
        isOpen
        onClose={onClose}
        title={done.is_new ? "Done" : "This was done before"}
        actions={
          <>
            <Button kind="quiet" onClick={onAnother}>
              Another one
            </Button>
            <Button kind="primary" onClick={onClose}>
              Close
            </Button>
          </>
        }
      >
        <p data-testid="corrected">
          Entry {done.entry_id}: {signed(done.credits)} credits. The balance is {whole(done.balance)} now.
          {!done.is_new && " Its key had been used already, so nothing has changed."}
        </p>
      </Dialog>
    );
  }
  return (
    <Dialog isOpen onClose={close} title={title} description={description}>
      <form className={style.form} onSubmit={submit} noValidate>
        {children}
        <TextField
          label="Reason"
          hint="The user reads it in the list of entries."
          value={reason.reason}
          error={reason.faults.reason}
          maxLength={500}
          onChange={event => reason.set("reason", event.target.value)}
        />
        <TextField
          label="Key"
          hint="Sent twice with the same key, it happens once."
          value={reason.key}
          error={reason.faults.key}
          maxLength={200}
          autoComplete="off"
          spellCheck={false}
          onChange={event => reason.set("key", event.target.value)}
        />
        {isLeft && !isBusy && (
          <Notice tone="warn" title="The last one was not confirmed">
            It is shown as it was sent. Sending it again with the same key is safe.
          </Notice>
        )}
        {error && !isBusy && (
          <Notice tone="bad" title="Nothing was confirmed">
            {error.message}
            {isUnclear(error) && " Sending it again with the same key is safe."}
          </Notice>
        )}
        <div className={style.formActions}>
          <Button kind="quiet" disabled={isBusy} onClick={close}>
            Cancel
          </Button>
          <Button type="submit" kind="primary" isBusy={isBusy}>
            {yes}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
