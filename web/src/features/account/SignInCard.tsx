import { LogOut } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useSession } from "~/auth/SessionProvider";
import { Button } from "~/components/Button";
import { Dialog } from "~/components/Dialog";
import { Card } from "~/components/layout";
import { Notice } from "~/components/states";
import { useToast } from "~/components/toast";
import { PasswordField } from "~/features/sign-in/PasswordField";
import { useAsk } from "~/features/sign-in/useAsk";
import style from "./account.module.css";

/** The e-mail, a new password, and the way out. */
export function SignInCard() {
  const { email } = useSession();
  return (
    <Card title="Sign-in">
      <div className={style.form}>
        <div className={style.choice}>
          <span className={style.label}>E-mail</span>
          <span className={style.email} data-testid="email">
            {email}
          </span>
        </div>
        <NewPassword email={email ?? ""} />
        <SignOut />
      </div>
    </Card>
  );
}

function NewPassword({ email }: { email: string }) {
  const { auth } = useSession();
  const { ask, isBusy, refusal, setRefusal, textAt } = useAsk();
  const toast = useToast();
  const [password, setPassword] = useState("");
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!password) return setRefusal({ field: "password", text: "Please enter a password." });
    if (await ask(() => auth.updateUser({ password }))) {
      setPassword("");
      toast.done("Your password is changed.");
    }
  };
  return (
    <form className={style.password} onSubmit={submit} noValidate>
      {/* Lets password managers know whose it is. */}
      <input type="email" autoComplete="username" value={email} readOnly hidden />
      <PasswordField
        label="New password"
        name="password"
        autoComplete="new-password"
        value={password}
        onChange={event => {
          setPassword(event.target.value);
          setRefusal(null);
        }}
        hint="A few words in a row make a good one. Your other devices are signed out."
        error={textAt("password")}
      />
      {refusal && refusal.field !== "password" && <Notice tone="bad">{refusal.text}</Notice>}
      <Button type="submit" isBusy={isBusy} disabled={!password}>
        Change password
      </Button>
    </form>
  );
}

function SignOut() {
  const { auth, signOut } = useSession();
  const toast = useToast();
  const [isAsking, setAsking] = useState(false);
  const [leaving, setLeaving] = useState<"local" | "global" | null>(null);
  const leave = async (scope: "local" | "global") => {
    setLeaving(scope);
    // Here it ends also while the auth server is away; everywhere only that server can end it.
    if (scope === "local") return signOut();
    const { error } = await auth.signOut({ scope }).catch((error: Error) => ({ error }));
    setLeaving(null);
    // When it went well the whole page is another one by now.
    if (error) toast.failed(error);
  };
  return (
    <div className={style.leave}>
      <Button onClick={() => void leave("local")} isBusy={leaving === "local"}>
        <LogOut size={16} aria-hidden /> Sign out
      </Button>
      <Button kind="quiet" onClick={() => setAsking(true)}>
        Sign out everywhere
      </Button>
      <Dialog
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        title="Sign out everywhere"
        description="Every device and browser where you are signed in has to sign in again, this one too."
        actions={
          <>
            <Button onClick={() => setAsking(false)}>Stay signed in</Button>
            <Button kind="danger" onClick={() => void leave("global")} isBusy={leaving === "global"}>
              Sign out everywhere
            </Button>
          </>
        }
      />
    </div>
  );
}
