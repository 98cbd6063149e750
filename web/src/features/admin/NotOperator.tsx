import { ShieldOff } from "lucide-react";
import { useState } from "react";
import { useSession } from "~/auth/SessionProvider";
import { Button } from "~/components/Button";
import { Card } from "~/components/layout";
import style from "./admin.module.css";
import { CopyButton } from "./bits";

/** Instead of refusals: who may see this page, and how one becomes such a person. */
export function NotOperator({ wasOne = false, onChecked }: { wasOne?: boolean; onChecked?: () => void }) {
  const { auth, email, signOut } = useSession();
  const [said, setSaid] = useState("");
  const [isBusy, setIsBusy] = useState(false);
  const command = `zmarty token ${email ?? "EMAIL"} --operator`;

  // The role stands in the token, and a token keeps what it said when it was made.
  const check = async () => {
    setIsBusy(true);
    setSaid("");
    try {
      const { data, error } = await auth.refreshSession();
      if (error) setSaid("Your session could not be renewed. Sign out and in again.");
      else if (data.session?.user.app_metadata.role !== "operator")
        setSaid("This account is not an operator yet.");
      onChecked?.();
    } finally {
      setIsBusy(false);
    }
  };

  return (
    <Card className={style.gate}>
      <ShieldOff size={32} aria-hidden className={style.gateMark} />
      <h2>{wasOne ? "You are no longer an operator" : "This page is for operators"}</h2>
      <p>
        {email ? <strong>{email}</strong> : "This account"} is signed in
        {wasOne ? ", but its operator rights have ended." : " but has no operator rights."} Whoever runs
        Zmarty can give them:
      </p>
      <dl className={style.gateWays}>
        <div>
          <dt>On your own machine</dt>
          <dd>
            <code>{command}</code>
            <CopyButton text={command} label="Copy the command" />
          </dd>
        </div>
        <div>
          <dt>In production</dt>
          <dd>
            <span>
              Set <code>app_metadata.role</code> of the account to <code>operator</code> in the auth server.
            </span>
          </dd>
        </div>
      </dl>
      <div className={style.buttons}>
        <Button kind="primary" isBusy={isBusy} onClick={() => void check()}>
          Check again
        </Button>
        <Button kind="quiet" onClick={() => void signOut()}>
          Use another account
        </Button>
      </div>
      <p role="status" className="muted small">
        {said}
      </p>
    </Card>
  );
}
