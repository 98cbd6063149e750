import { type FormEvent, useState } from "react";
import { Link, useLocation } from "wouter";
import { useSession } from "~/auth/SessionProvider";
import { Button } from "~/components/Button";
import { TextField } from "~/components/Field";
import { Notice } from "~/components/states";
import { CheckMail } from "./CheckMail";
import { stepPath } from "./next";
import { PasswordField } from "./PasswordField";
import { Providers, useSettings } from "./Providers";
import type { Refusal } from "./refusal";
import style from "./sign-in.module.css";
import { useAsk } from "./useAsk";

export interface StepProps {
  next: string | null;
  /** Where a mail's link is to lead. */
  returnTo: string;
  email: string;
  setEmail: (email: string) => void;
}

export function SignInStep({ next, returnTo, email, setEmail }: StepProps) {
  const { auth } = useSession();
  const { ask, isBusy, refusal, setRefusal, textAt } = useAsk();
  const [password, setPassword] = useState("");
  const [isConfirming, setConfirming] = useState(false);
  const { data: settings } = useSettings();

  const resend = () => auth.resend({ type: "signup", email, options: { emailRedirectTo: returnTo } });
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const missing = missingOf(email, password);
    if (missing) return setRefusal(missing);
    await ask(() => auth.signInWithPassword({ email: email.trim(), password }));
  };
  const confirm = async () => {
    if (await ask(resend)) setConfirming(true);
  };
  if (isConfirming) {
    return <CheckMail email={email} type="signup" onResend={resend} onBack={() => setConfirming(false)} />;
  }
  return (
    <>
      <form className={style.form} onSubmit={submit} noValidate>
        <EmailField email={email} setEmail={setEmail} refusal={refusal} next={next} />
        <PasswordField
          label="Password"
          name="password"
          autoComplete="current-password"
          value={password}
          onChange={event => setPassword(event.target.value)}
          error={textAt("password")}
          aside={
            <Link className={style.aside} href={stepPath("forgot", next)}>
              Forgot it?
            </Link>
          }
        />
        <FormRefusal refusal={refusal} onConfirm={confirm} />
        <Button type="submit" kind="primary" isBusy={isBusy}>
          Sign in
        </Button>
        <Link className={style.other} href={stepPath("code", next)}>
          Sign in with a code by mail
        </Link>
      </form>
      <Providers returnTo={returnTo} />
      {settings?.canSignUp !== false && (
        <p className={style.switch}>
          New here? <Link href={stepPath("up", next)}>Create an account</Link>
        </p>
      )}
    </>
  );
}

export function SignUpStep({ next, returnTo, email, setEmail }: StepProps) {
  const { auth } = useSession();
  const { ask, isBusy, refusal, setRefusal, textAt } = useAsk();
  const [password, setPassword] = useState("");
  const [isConfirming, setConfirming] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const missing = missingOf(email, password);
    if (missing) return setRefusal(missing);
    const data = await ask(() =>
      auth.signUp({ email: email.trim(), password, options: { emailRedirectTo: returnTo } }),
    );
    if (!data || data.session) return;
    // Where e-mails are confirmed, the server does not say that one is taken: it answers a user without identities.
    if (data.user?.identities?.length === 0) {
      return setRefusal({
        field: "email",
        text: "There is an account with this e-mail already.",
        remedy: "sign-in",
      });
    }
    setConfirming(true);
  };
  if (isConfirming) {
    return (
      <CheckMail
        email={email}
        type="signup"
        onResend={() => auth.resend({ type: "signup", email, options: { emailRedirectTo: returnTo } })}
        onBack={() => setConfirming(false)}
      />
    );
  }
  return (
    <>
      <form className={style.form} onSubmit={submit} noValidate>
        <EmailField email={email} setEmail={setEmail} refusal={refusal} next={next} />
        <PasswordField
          label="Password"
          name="password"
          autoComplete="new-password"
          value={password}
          onChange={event => setPassword(event.target.value)}
          hint="A few words in a row make a good one."
          error={textAt("password")}
        />
        <FormRefusal refusal={refusal} />
        <Button type="submit" kind="primary" isBusy={isBusy}>
          Create account
        </Button>
      </form>
      <Providers returnTo={returnTo} />
      <p className={style.switch}>
        You have an account? <Link href={stepPath("", next)}>Sign in</Link>
      </p>
    </>
  );
}

export function CodeStep({ next, returnTo, email, setEmail }: StepProps) {
  const { auth } = useSession();
  const { ask, isBusy, refusal, setRefusal } = useAsk();
  const [isSent, setSent] = useState(false);
  const send = () =>
    auth.signInWithOtp({
      email: email.trim(),
      options: { emailRedirectTo: returnTo, shouldCreateUser: true },
    });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const missing = missingOf(email);
    if (missing) return setRefusal(missing);
    if (await ask(send)) setSent(true);
  };
  if (isSent) {
    return <CheckMail email={email.trim()} type="email" onResend={send} onBack={() => setSent(false)} />;
  }
  return (
    <form className={style.form} onSubmit={submit} noValidate>
      <p className="muted">
        We send you a mail with a code and a link: either signs you in. If you are new, it makes your account.
      </p>
      <EmailField email={email} setEmail={setEmail} refusal={refusal} next={next} />
      <FormRefusal refusal={refusal} />
      <Button type="submit" kind="primary" isBusy={isBusy}>
        Send me a code
      </Button>
      <Link className={style.other} href={stepPath("", next)}>
        Sign in with a password
      </Link>
    </form>
  );
}

export function ForgotStep({ next, email, setEmail, returnTo }: StepProps) {
  const { auth } = useSession();
  const [, navigate] = useLocation();
  const { ask, isBusy, refusal, setRefusal } = useAsk();
  const [isSent, setSent] = useState(false);
  const send = () => auth.resetPasswordForEmail(email.trim(), { redirectTo: returnTo });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const missing = missingOf(email);
    if (missing) return setRefusal(missing);
    if (await ask(send)) setSent(true);
  };
  if (isSent) {
    return (
      <CheckMail
        email={email.trim()}
        type="recovery"
        onResend={send}
        onBack={() => setSent(false)}
        onDone={() => navigate(stepPath("new-password", next), { replace: true })}
      />
    );
  }
  return (
    <form className={style.form} onSubmit={submit} noValidate>
      <p className="muted">We send you a mail. Its link lets you choose a new password.</p>
      <EmailField email={email} setEmail={setEmail} refusal={refusal} next={next} />
      <FormRefusal refusal={refusal} />
      <Button type="submit" kind="primary" isBusy={isBusy}>
        Send the mail
      </Button>
      <Link className={style.other} href={stepPath("", next)}>
        Back to sign in
      </Link>
    </form>
  );
}

/** Needs a session: the link or the code of the mail gave one. */
export function NewPasswordStep({ next, onDone }: Pick<StepProps, "next"> & { onDone: () => void }) {
  const { auth, session, email } = useSession();
  const { ask, isBusy, refusal, setRefusal, textAt } = useAsk();
  const [password, setPassword] = useState("");

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!password) return setRefusal({ field: "password", text: "Please enter a password." });
    if (await ask(() => auth.updateUser({ password }))) onDone();
  };
  if (!session) {
    return (
      <div className={style.form}>
        <p className="muted">To choose a new password, follow the link of the mail that we send you.</p>
        <Link className={style.other} href={stepPath("forgot", next)}>
          Send me the mail
        </Link>
      </div>
    );
  }
  return (
    <form className={style.form} onSubmit={submit} noValidate>
      <p className="muted">
        For <strong className={style.address}>{email}</strong>. Your other devices are signed out.
      </p>
      {/* Lets password managers know whose it is. */}
      <input type="email" autoComplete="username" value={email ?? ""} readOnly hidden />
      <PasswordField
        label="New password"
        name="password"
        autoComplete="new-password"
        value={password}
        onChange={event => setPassword(event.target.value)}
        hint="A few words in a row make a good one."
        error={textAt("password")}
      />
      <FormRefusal refusal={refusal} />
      <Button type="submit" kind="primary" isBusy={isBusy}>
        Save the password
      </Button>
    </form>
  );
}

function EmailField({
  email,
  setEmail,
  refusal,
  next,
}: Pick<StepProps, "email" | "setEmail" | "next"> & { refusal: Refusal | null }) {
  const isRefused = refusal?.field === "email";
  return (
    <>
      <TextField
        label="E-mail"
        type="email"
        name="email"
        autoComplete="email"
        inputMode="email"
        autoCapitalize="none"
        spellCheck={false}
        value={email}
        onChange={event => setEmail(event.target.value)}
        error={isRefused ? refusal.text : null}
      />
      {isRefused && refusal.remedy === "sign-in" && (
        <Link className={style.remedy} href={stepPath("", next)}>
          Sign in instead
        </Link>
      )}
      {isRefused && refusal.remedy === "sign-up" && (
        <Link className={style.remedy} href={stepPath("up", next)}>
          Create an account
        </Link>
      )}
    </>
  );
}

/** What is about no field of its own. */
function FormRefusal({ refusal, onConfirm }: { refusal: Refusal | null; onConfirm?: () => void }) {
  if (refusal?.field !== "form") return null;
  return (
    <Notice
      tone="bad"
      actions={
        refusal.remedy === "confirm" &&
        onConfirm && (
          <Button size="small" onClick={onConfirm}>
            Send the mail
          </Button>
        )
      }
    >
      {refusal.text}
    </Notice>
  );
}

/** What is not filled in; asked here, as a server's words about an empty field are of no help. */
function missingOf(email: string, password?: string): Refusal | null {
  if (!/^\S+@\S+$/.test(email.trim())) return { field: "email", text: "Please enter your e-mail address." };
  return password === "" ? { field: "password", text: "Please enter a password." } : null;
}
