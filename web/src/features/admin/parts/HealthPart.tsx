import type { UseQueryResult } from "@tanstack/react-query";
import type { Health } from "@zmarty/client";
import { CircleCheck } from "lucide-react";
import { Link } from "wouter";
import { Card } from "~/components/layout";
import { Badge, Notice, SkeletonRows } from "~/components/states";
import { duration, whole } from "~/format";
import style from "../admin.module.css";
import { AsOf, Bar, Loaded, Tile, Tiles, TilesLoading } from "../bits";
import { pathOf } from "../partNames";
import { troubleOf } from "../troubles";
import { spaced, version } from "../words";

const TONES = { healthy: "good", down: "bad", not_configured: "flat", unknown: "flat" } as const;

export function HealthPart({ health }: { health: UseQueryResult<Health> }) {
  return (
    <Loaded
      query={health}
      loading={
        <>
          <TilesLoading count={4} />
          <Card>
            <SkeletonRows rows={6} />
          </Card>
        </>
      }
    >
      {found => (
        <>
          {found.reasons.length === 0 ? (
            <p className={style.allGood}>
              <CircleCheck size={20} aria-hidden />
              The system is healthy.
            </p>
          ) : (
            <Notice
              tone={found.status === "unavailable" ? "bad" : "warn"}
              title={found.status === "unavailable" ? "The system is unavailable" : "The system is degraded"}
            >
              <ul className={style.troubles}>
                {found.reasons.map(troubleOf).map(({ text, part }) => (
                  <li key={text}>{part === "health" ? text : <Link href={pathOf(part)}>{text}</Link>}</li>
                ))}
              </ul>
            </Notice>
          )}
          <Tiles>
            <Tile
              name="Commit"
              value={<code>{version(found.commit)}</code>}
              note={`running for ${duration(found.up_seconds)}`}
            />
            <Tile
              name="Sign-in"
              value={<Badge tone={TONES[found.sign_in.status]}>{found.sign_in.status}</Badge>}
              note={
                found.sign_in.keys_age_seconds === null
                  ? "no keys yet"
                  : `keys read ${duration(found.sign_in.keys_age_seconds)} ago`
              }
            />
            <Tile
              name="Mirror"
              value={found.outbox ? whole(found.outbox.pending) : "–"}
              note={found.outbox ? `on the way, ${whole(found.outbox.parked)} parked` : "not known"}
              tone={found.outbox && found.outbox.parked > 0 ? "warn" : undefined}
            />
            <Tile
              name="Oldest transaction"
              value={found.horizon_age_seconds === null ? "–" : duration(found.horizon_age_seconds)}
              note={found.horizon_age_seconds === null ? "none is open" : "in the trading database"}
            />
          </Tiles>
          <Card title="Databases" actions={<AsOf time={health.dataUpdatedAt} />}>
            <ul className={style.providers}>
              {Object.entries(found.databases).map(([name, database]) => (
                <li key={name}>
                  <article className={style.provider}>
                    <header>
                      <h3>{name}</h3>
                      <Badge tone={TONES[database.status]}>{database.status}</Badge>
                      <span className="num muted small">
                        {database.latency_ms === null ? "no answer" : duration(database.latency_ms / 1000)}
                      </span>
                    </header>
                    {database.reason && <p className="small">{database.reason}</p>}
                    <span className={style.used}>
                      <span className="num small">
                        {whole(database.connections_open)} of {whole(database.connections_max)} connections
                        open, {whole(database.connections_idle)} idle
                      </span>
                      <Bar
                        name={`Busy connections of ${name}`}
                        used={database.connections_open - database.connections_idle}
                        of={database.connections_max}
                      />
                    </span>
                  </article>
                </li>
              ))}
            </ul>
          </Card>
          <Card title="Providers">
            <dl className={style.facts}>
              {Object.entries(found.providers).map(([name, provider]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>
                    <Badge tone={TONES[provider.status]}>{spaced(provider.status)}</Badge>{" "}
                    {provider.latency_ms !== null && (
                      <span className="num">{whole(provider.latency_ms)} ms</span>
                    )}
                    {provider.reason && <span className="small"> {provider.reason}</span>}
                  </dd>
                </div>
              ))}
            </dl>
          </Card>
        </>
      )}
    </Loaded>
  );
}
