import { useEffect, useState } from "react";
import { Link } from "wouter";
import { Button, buttonClass } from "~/components/Button";
import { Notice } from "~/components/states";
import style from "./AnswerTrouble.module.css";
import { type TroubleView, troubleOf } from "./errors";

interface Props {
  error: unknown;
  onRetry: () => void;
  onEdit: () => void;
  onOptions: () => void;
  onNew: () => void;
}

/** Why a question has no answer, and the one thing that helps. */
export function AnswerTrouble({ error, onRetry, onEdit, onOptions, onNew }: Props) {
  const trouble = troubleOf(error);
  const seconds = useCountdown(trouble.waitSeconds, error);
  return (
    <Notice tone={trouble.tone} title={trouble.title}>
      <p>
        {seconds > 0 ? `${trouble.text} Ask again in ${seconds} s.` : trouble.text}{" "}
        {trouble.isUncharged && !/charged/.test(trouble.text) && "Nothing was charged."}
      </p>
      {trouble.remedy === "retry" && trouble.requestId && (
        <p className="small">Request {trouble.requestId}</p>
      )}
      <div className={style.remedy}>
        <Remedy />
      </div>
    </Notice>
  );

  function Remedy() {
    switch (trouble.remedy) {
      case "retry":
        return <Button onClick={onRetry}>Ask again</Button>;
      case "wait":
        return (
          <Button onClick={onRetry} disabled={seconds > 0}>
            Ask again
          </Button>
        );
      case "credits":
        return (
          <Link href="/credits" className={buttonClass({ kind: "primary" })}>
            Add credits
          </Link>
        );
      case "limits":
        return (
          <Link href="/credits" className={buttonClass()}>
            Change the limit
          </Link>
        );
      case "edit":
        return <Button onClick={onEdit}>Change the question</Button>;
      case "options":
        return <Button onClick={onOptions}>Change how to answer</Button>;
      case "new":
        return <Button onClick={onNew}>New conversation</Button>;
      default:
        return null;
    }
  }
}

/** Seconds left of a wait that began with `cause`. */
function useCountdown(seconds: TroubleView["waitSeconds"], cause: unknown): number {
  const [left, setLeft] = useState(seconds ?? 0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another error begins another wait
  useEffect(() => {
    const ends = Date.now() + (seconds ?? 0) * 1000;
    setLeft(seconds ?? 0);
    if (!seconds) return;
    const ticking = setInterval(() => {
      const remaining = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
      setLeft(remaining);
      if (remaining === 0) clearInterval(ticking);
    }, 250);
    return () => clearInterval(ticking);
  }, [seconds, cause]);
  return left;
}
