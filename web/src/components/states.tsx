import { ApiError, UNREACHABLE } from "@zmarty/client";
import { CircleAlert, CloudOff, Info, TriangleAlert } from "lucide-react";
import type { CSSProperties, ReactNode } from "react";
import { Button } from "./Button";
import style from "./ui.module.css";

export type Tone = "good" | "bad" | "warn" | "info" | "flat";

export function Badge({ tone = "flat", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className={style.badge} data-tone={tone}>
      {children}
    </span>
  );
}

const NOTICE_ICONS = { bad: CircleAlert, warn: TriangleAlert, info: Info } as const;

export function Notice({
  tone = "info",
  title,
  children,
  actions,
}: {
  tone?: "bad" | "warn" | "info";
  title?: string;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  const Icon = NOTICE_ICONS[tone];
  return (
    <div className={style.notice} data-tone={tone} role={tone === "bad" ? "alert" : "status"}>
      <Icon size={20} aria-hidden />
      <div className={style.noticeBody}>
        {title && <strong>{title}</strong>}
        {children}
      </div>
      {actions}
    </div>
  );
}

/** Why something is not there, and what can be done about it. */
export function Trouble({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const known = error instanceof ApiError ? error : null;
  const isAway = known?.code === UNREACHABLE;
  return (
    <div className={style.empty} role="alert">
      {isAway ? (
        <CloudOff className={style.emptyMark} size={32} aria-hidden />
      ) : (
        <CircleAlert className={style.emptyMark} size={32} aria-hidden />
      )}
      <strong>{isAway ? "Zmarty cannot be reached" : "This did not work"}</strong>
      <p>{error instanceof Error ? error.message : "Something unexpected happened."}</p>
      {known?.requestId && <p className="muted small">Request {known.requestId}</p>}
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

export function Empty({
  icon,
  title,
  children,
  action,
}: {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={style.empty}>
      {icon && <span className={style.emptyMark}>{icon}</span>}
      <strong>{title}</strong>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

/** Keeps the place of what is still loading, so that nothing jumps when it comes. */
export function Skeleton({ width = "100%", height = "1rem" }: Pick<CSSProperties, "width" | "height">) {
  return <span className={style.skeleton} style={{ width, height }} aria-hidden />;
}

export function SkeletonRows({ rows = 4, height = "2.5rem" }: { rows?: number; height?: string }) {
  return (
    <div role="status" aria-label="Loading" style={{ display: "grid", gap: "0.5rem" }}>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={height} />
      ))}
    </div>
  );
}
