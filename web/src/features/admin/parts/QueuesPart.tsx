import type { UseQueryResult } from "@tanstack/react-query";
import type { Health, QueueOverview, QueueStanding } from "@zmarty/client";
import { CircleCheck } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { Button } from "~/components/Button";
import { Card } from "~/components/layout";
import { Notice, SkeletonRows } from "~/components/states";
import { duration, whole } from "~/format";
import style from "../admin.module.css";
import { type Column, Loaded, Rows, Tile, Tiles, TilesLoading } from "../bits";
import { useProviders } from "../data";
import { pathOf } from "../partNames";
import { ordered, stateOfQueue } from "../queueOrder";
import { ages, depths, type Look, rateNow, rates } from "../samples";
import { Sparkline, TrendChart } from "../TrendChart";
import { type Trouble, troublesOf } from "../troubles";
import { counted, perMinute, waiting } from "../words";
import { PauseButton } from "./PauseButton";
import { QueueDialog } from "./QueueDialog";
import { QueueMark } from "./QueueMark";
import { Workers } from "./Workers";

export function QueuesPart({
  overview,
  health,
  looks,
}: {
  overview: UseQueryResult<QueueOverview>;
  health: UseQueryResult<Health>;
  looks: Look[];
}) {
  const providers = useProviders();
  const [opened, setOpened] = useState<string | null>(null);
  const troubles = troublesOf(health.data, overview.data, providers.data);
  return (
    <>
      <Wrong troubles={troubles} isKnown={Boolean(health.data && overview.data)} />
      <Loaded
        query={overview}
        loading={
          <>
            <TilesLoading count={5} />
            <Card>
              <SkeletonRows rows={10} />
            </Card>
          </>
        }
      >
        {({ queues, workers, horizon }) => {
          const queue = queues.find(one => one.name === opened);
          return (
            <>
              <Totals queues={queues} looks={looks} />
              <div className={style.charts}>
                <TrendChart
                  title="Messages waiting"
                  points={depths(looks, null)}
                  say={value => whole(value)}
                  tone="info"
                />
                <TrendChart title="Oldest due" points={ages(looks, null)} say={waiting} tone="warn" />
                <TrendChart title="Carried out" points={rates(looks, null)} say={perMinute} />
              </div>
              <Card title="Queues">
                <Rows
                  caption="Queues"
                  columns={columnsOf(looks, setOpened)}
                  rows={ordered(queues)}
                  keyOf={one => one.name}
                  toneOf={toneOf}
                />
              </Card>
              <Workers workers={workers} horizon={horizon} />
              {queue && <QueueDialog queue={queue} looks={looks} onClose={() => setOpened(null)} />}
            </>
          );
        }}
      </Loaded>
    </>
  );
}

/** The first thing to read: nothing, or what is wrong and where to go with it. */
function Wrong({ troubles, isKnown }: { troubles: Trouble[]; isKnown: boolean }) {
  if (!isKnown && troubles.length === 0) return null;
  if (troubles.length === 0) {
    return (
      <p className={style.allGood} data-testid="all-good">
        <CircleCheck size={20} aria-hidden />
        Everything works.
      </p>
    );
  }
  const worst = troubles[0]?.tone ?? "warn";
  return (
    <Notice
      tone={worst}
      title={
        troubles.length === 1 ? "One thing needs a look" : `${whole(troubles.length)} things need a look`
      }
    >
      <ul className={style.troubles} data-testid="troubles">
        {troubles.map(({ text, part, tone }) => (
          <li key={text} data-tone={tone}>
            <Link href={pathOf(part)}>{text}</Link>
          </li>
        ))}
      </ul>
    </Notice>
  );
}

function Totals({ queues, looks }: { queues: QueueStanding[]; looks: Look[] }) {
  const sum = (number: (queue: QueueStanding) => number) =>
    queues.reduce((all, queue) => all + number(queue), 0);
  const oldest = Math.max(-1, ...queues.map(queue => queue.oldest_age_seconds ?? -1));
  const dead = sum(queue => queue.dead);
  const paused = queues.filter(queue => queue.paused_at !== null);
  return (
    <Tiles>
      <Tile
        name="Due"
        value={whole(sum(queue => queue.due))}
        note={oldest >= 0 ? `the oldest for ${duration(oldest)}` : "nothing waits"}
      />
      <Tile
        name="In flight"
        value={whole(sum(queue => queue.in_flight))}
        note={`${whole(sum(queue => queue.postponed))} postponed`}
      />
      <Tile
        name="Carried out"
        value={perMinute(rateNow(looks, null))}
        note={`${counted(
          sum(queue => queue.total),
          "message",
        )} ever sent`}
      />
      <Tile
        name="Dead letters"
        value={dead > 0 ? <Link href={pathOf("dead-letters")}>{whole(dead)}</Link> : "0"}
        note={dead > 0 ? `in ${counted(queues.filter(queue => queue.dead > 0).length, "queue")}` : "none"}
        tone={dead > 0 ? "warn" : undefined}
      />
      <Tile
        name="Queues"
        value={`${whole(queues.length - paused.length)} of ${whole(queues.length)}`}
        note={paused.length > 0 ? `${counted(paused.length, "queue")} paused` : "all of them run"}
        tone={paused.length > 0 ? "warn" : undefined}
      />
    </Tiles>
  );
}

function toneOf(queue: QueueStanding): "bad" | "warn" | undefined {
  const state = stateOfQueue(queue);
  if (state === "late") return "bad";
  return state === "paused" ? "warn" : undefined;
}

function columnsOf(looks: Look[], open: (name: string) => void): Column<QueueStanding>[] {
  return [
    {
      name: "Queue",
      isBare: true,
      cell: queue => (
        <span className={style.named}>
          <button type="button" className={style.open} onClick={() => open(queue.name)}>
            {queue.name}
          </button>
          <QueueMark queue={queue} />
        </span>
      ),
    },
    { name: "Due", isEnd: true, cell: queue => <Figure value={queue.due} /> },
    { name: "Postponed", isEnd: true, cell: queue => <Figure value={queue.postponed} /> },
    { name: "In flight", isEnd: true, cell: queue => <Figure value={queue.in_flight} /> },
    {
      name: "Oldest due",
      isEnd: true,
      cell: queue =>
        queue.oldest_age_seconds === null ? (
          <Figure value={0} zero="–" />
        ) : (
          duration(queue.oldest_age_seconds)
        ),
    },
    {
      name: "Dead",
      isEnd: true,
      cell: queue =>
        queue.dead > 0 ? (
          <Link href={`${pathOf("dead-letters")}?queue=${queue.name}`} className={style.dead}>
            {whole(queue.dead)}
          </Link>
        ) : (
          <Figure value={0} />
        ),
    },
    {
      name: "Carried out",
      isEnd: true,
      cell: queue => {
        const rate = rateNow(looks, queue.name);
        return rate ? perMinute(rate) : <Figure value={0} zero={rate === null ? "–" : "0"} />;
      },
    },
    {
      name: "Depth",
      cell: queue => (
        <Sparkline name={`Depth of ${queue.name}: now ${queue.depth}`} points={depths(looks, queue.name)} />
      ),
    },
    { name: "Actions", isBare: true, isEnd: true, cell: queue => <RowActions queue={queue} open={open} /> },
  ];
}

function RowActions({ queue, open }: { queue: QueueStanding; open: (name: string) => void }) {
  return (
    <span className={style.rowActions}>
      <Button
        kind="quiet"
        size="small"
        aria-label={`Look into ${queue.name}`}
        onClick={() => open(queue.name)}
      >
        Look
      </Button>
      <PauseButton queue={queue} />
    </span>
  );
}

/** Noughts step back, so that what is there stands out. */
export function Figure({ value, zero = "0" }: { value: number; zero?: string }) {
  return value === 0 ? <span className="muted">{zero}</span> : whole(value);
}
