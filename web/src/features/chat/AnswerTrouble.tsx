import type { BalanceAnswer } from "@zmarty/client";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { Button, buttonClass } from "~/components/Button";
import { Notice } from "~/components/states";
import { day, whole } from "~/format";
import style from "./AnswerTrouble.module.css";
import { type TroubleView, troubleOf } from "./errors";

interface Props {
  error: unknown;
  /** The next credits that come by themselves; undefined: not known, null: none. */
  nextCredits: BalanceAnswer["next_monthly"] | undefined;
  onRetry: () => void;
  onEdit: () => void;
  onOptions: () => void;
  onNew: () => void;
}

/** Why a question has no answer, and the one thing that helps. */
export function AnswerTrouble({ error, nextCredits, ...actions }: Props) {
  const trouble = troubleOf(error);
  const seconds = useCountdown(trouble.waitSeconds, error);
  return (
    <Notice tone={trouble.tone} title={trouble.title}>
      <p>
        {trouble.text} <Wait seconds={seconds} of={trouble.waitSeconds} />
        {trouble.isUncharged && !/charged/.test(trouble.text) && "Nothing was charged. "}
        {trouble.remedy === "credits" &&
          nextCredits &&
          `${whole(nextCredits.credits)} more credits come on ${day(nextCredits.at)}.`}
      </p>
      {trouble.remedy === "retry" && trouble.requestId && (
        <p className="small">Request {trouble.requestId}</p>
      )}
      <div className={style.remedy}>
        <Remedy remedy={trouble.remedy} isWaiting={seconds > 0} {...actions} />
      </div>
    </Notice>
  );
}

/** How long to wait. The seconds go by silently: what is read out is how long it is, and that it is over. */
function Wait({ seconds, of }: { seconds: number; of: number | null }) {
  if (of === null) return null;
  return (
    <>
      <span className="visually-hidden">
        {seconds > 0 ? `You can ask again after ${of} seconds. ` : "You can ask again now. "}
      </span>
      {seconds > 0 && <span aria-hidden>Ask again in {seconds} s. </span>}
    </>
  );
}

function Remedy({
  remedy,
  isWaiting,
  onRetry,
  onEdit,
  onOptions,
  onNew,
}: { remedy: TroubleView["remedy"]; isWaiting: boolean } & Omit<Props, "error" | "nextCredits">) {
  switch (remedy) {
    case "retry":
    case "wait":
      return (
        <Button onClick={onRetry} disabled={isWaiting}>
          Ask again
        </Button>
      );
    case "credits":
      return (
        <Link href="/credits" className={buttonClass()}>
          See your credits
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
