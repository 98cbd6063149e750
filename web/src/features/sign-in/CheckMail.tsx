import { type FormEvent, useEffect, useState } from "react";
import { useSession } from "~/auth/SessionProvider";
import { Button } from "~/components/Button";
import { TextField } from "~/components/Field";
import { Notice } from "~/components/states";
import style from "./sign-in.module.css";
import { useAsk } from "./useAsk";

/** The auth server sends no second mail sooner. */
const RESEND_SECONDS = 60;

/** After a mail was sent: its link does, or the code that is in it. */
export function CheckMail({
  email,
  type,
  onResend,
  onBack,
  onDone,
}: {
  email: string;
  type: "email" | "signup" | "recovery";
  onResend: () => Promise<{ data: unknown; error: { message: string; code?: string | undefined } | null }>;
  onBack: () => void;
  onDone?: () => void;
}) {
  const { auth } = useSession();
  const { ask, isBusy, refusal, textAt } = useAsk();
  const [code, setCode] = useState("");
  const [sent, setSent] = useState(1);
  const wait = useCountdown(RESEND_SECONDS, sent);

  const verify = async (event: FormEvent) => {
    event.preventDefault();
    const token = code.replace(/\D/g, "");
    if (token && (await ask(() => auth.verifyOtp({ email, token, type })))) onDone?.();
  };
  const resend = async () => {
    if (await ask(onResend)) setSent(sent + 1);
  };
  return (
    <form className={style.form} onSubmit={verify} noValidate>
      <p role="status">
        We sent a mail to <strong className={style.address}>{email}</strong>. Follow its link in this browser,
        or type the code that is in it.
      </p>
      <TextField
        label="Code"
        name="code"
        inputMode="numeric"
        autoComplete="one-time-code"
        placeholder="123456"
        maxLength={12}
        className={style.code}
        value={code}
        onChange={event => setCode(event.target.value)}
        error={textAt("code")}
        autoFocus
      />
      {refusal && refusal.field !== "code" && <Notice tone="bad">{refusal.text}</Notice>}
      <Button type="submit" kind="primary" isBusy={isBusy} disabled={!code.trim()}>
        Continue
      </Button>
      <div className={style.beside}>
        <Button kind="quiet" size="small" disabled={wait > 0 || isBusy} onClick={resend}>
          {wait > 0 ? `Send again in ${wait} s` : "Send again"}
        </Button>
        <Button kind="quiet" size="small" onClick={onBack}>
          Use another e-mail
        </Button>
      </div>
      <p className="muted small">Nothing there? Look into the spam folder.</p>
    </form>
  );
}

/** Seconds that are left; begins anew with each `round`. */
function useCountdown(seconds: number, round: number): number {
  const [left, setLeft] = useState(seconds);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round begins anew
  useEffect(() => {
    const end = Date.now() + seconds * 1000;
    setLeft(seconds);
    const timer = setInterval(() => setLeft(Math.max(0, Math.ceil((end - Date.now()) / 1000))), 1000);
    return () => clearInterval(timer);
  }, [seconds, round]);
  return left;
}
