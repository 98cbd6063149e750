import { ApiError } from "@zmarty/client";
import { RefreshCw } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Link, Redirect, useParams } from "wouter";
import { useSession } from "~/auth/SessionProvider";
import { Button } from "~/components/Button";
import { ErrorBoundary } from "~/components/ErrorBoundary";
import { Page } from "~/components/layout";
import { Badge, Notice } from "~/components/states";
import { whole } from "~/format";
import style from "./admin.module.css";
import { AsOf } from "./bits";
import { useHealth, useOverview, useReadAnew } from "./data";
import { NotOperator } from "./NotOperator";
import { PARTS, type PartName, partOf, pathOf } from "./partNames";
import { AuditPart } from "./parts/AuditPart";
import { ErrorsPart } from "./parts/ErrorsPart";
import { HealthPart } from "./parts/HealthPart";
import { LettersPart } from "./parts/LettersPart";
import { MirrorPart } from "./parts/MirrorPart";
import { MoneyPart } from "./parts/MoneyPart";
import { ProvidersPart } from "./parts/ProvidersPart";
import { QueuesPart } from "./parts/QueuesPart";
import { SchedulesPart } from "./parts/SchedulesPart";
import { useLooks } from "./useLooks";

const VERDICTS = {
  healthy: { tone: "good", word: "Healthy" },
  degraded: { tone: "warn", word: "Degraded" },
  unavailable: { tone: "bad", word: "Unavailable" },
} as const;

export default function AdminPage() {
  const { isOperator } = useSession();
  const part = partOf(useParams<{ part?: string }>().part);
  if (part === null) return <Redirect to="/admin" replace />;
  return isOperator ? (
    <Operations part={part} />
  ) : (
    <Page title="Admin">
      <NotOperator />
    </Page>
  );
}

function isRefused(error: unknown): boolean {
  return error instanceof ApiError && error.code === "operator_required";
}

function Operations({ part }: { part: PartName }) {
  const overview = useOverview();
  const health = useHealth();
  const looks = useLooks(overview.data, overview.dataUpdatedAt);
  const readAnew = useReadAnew();
  const [isReading, setIsReading] = useState(false);
  const tabs = useRef<HTMLElement>(null);

  // On a phone the tabs are wider than the screen.
  useEffect(() => {
    const current = tabs.current?.querySelector(`[href="${pathOf(part)}"]`);
    current?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [part]);

  // Rights may end while the page is open; every answer after that is a refusal.
  if (isRefused(overview.error)) {
    return (
      <Page title="Admin">
        <NotOperator wasOne onChecked={() => void readAnew()} />
      </Page>
    );
  }

  const dead = overview.data?.queues.reduce((sum, queue) => sum + queue.dead, 0) ?? 0;
  const counts: Partial<Record<PartName, number>> = {
    "dead-letters": dead,
    mirror: health.data?.outbox?.parked ?? 0,
  };
  const verdict = health.data && VERDICTS[health.data.status];
  return (
    <Page
      title="Admin"
      actions={
        <div className={style.standing}>
          {verdict && <Badge tone={verdict.tone}>{verdict.word}</Badge>}
          {part === "queues" && <AsOf time={overview.dataUpdatedAt} />}
          <Button
            kind="quiet"
            isIcon
            aria-label="Read anew"
            isBusy={isReading}
            onClick={() => {
              setIsReading(true);
              void readAnew().finally(() => setIsReading(false));
            }}
          >
            <RefreshCw size={16} aria-hidden />
          </Button>
        </div>
      }
    >
      <nav aria-label="Parts of this page" className={style.parts} ref={tabs}>
        {PARTS.map(({ name, title }) => (
          <Link
            key={name}
            href={pathOf(name)}
            className={style.part}
            aria-current={name === part ? "page" : undefined}
          >
            {title}
            {(counts[name] ?? 0) > 0 && <Badge tone="bad">{whole(counts[name] ?? 0)}</Badge>}
          </Link>
        ))}
      </nav>
      {overview.data && overview.error && (
        <Notice tone="warn" title="These numbers are old">
          They could not be refreshed ({overview.error.message}) and are tried again by themselves.
        </Notice>
      )}
      <ErrorBoundary key={part}>
        {part === "queues" && <QueuesPart overview={overview} health={health} looks={looks} />}
        {part === "dead-letters" && <LettersPart queues={overview.data?.queues ?? []} />}
        {part === "schedules" && <SchedulesPart reasons={health.data?.reasons ?? []} />}
        {part === "errors" && <ErrorsPart />}
        {part === "mirror" && (
          <MirrorPart queues={overview.data?.queues ?? []} reasons={health.data?.reasons ?? []} />
        )}
        {part === "providers" && <ProvidersPart />}
        {part === "money" && <MoneyPart />}
        {part === "audit" && <AuditPart />}
        {part === "health" && <HealthPart health={health} />}
      </ErrorBoundary>
    </Page>
  );
}
