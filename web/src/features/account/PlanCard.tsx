import { useQuery } from "@tanstack/react-query";
import type { Allowance } from "@zmarty/client";
import { Check, Minus } from "lucide-react";
import { Link } from "wouter";
import { useApi } from "~/api/ApiProvider";
import { Card } from "~/components/layout";
import { Badge, SkeletonRows, Trouble } from "~/components/states";
import { day, whole } from "~/format";
import style from "./account.module.css";
import { useProfile } from "./useProfile";

/** What the plan allows. It is changed by paying, so there is nothing to edit. */
export function PlanCard() {
  const api = useApi();
  const { data: profile, error, refetch } = useProfile();
  const { data: credits } = useQuery({
    queryKey: ["credits", "balance"],
    queryFn: () => api.get("/v1/credits"),
  });
  return (
    <Card
      title="Plan"
      actions={
        profile && (
          <Badge tone="good">
            <span data-testid="tier">{titled(profile.tier)}</span>
          </Badge>
        )
      }
    >
      {profile ? (
        <>
          <dl className={style.plan}>
            {rowsOf(profile.plan).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd className="num">{value}</dd>
              </div>
            ))}
            <div>
              <dt>Spoken answers</dt>
              <dd className={style.voice}>
                {profile.plan.voice ? <Check size={16} aria-hidden /> : <Minus size={16} aria-hidden />}
                {profile.plan.voice ? "Included" : "Not included"}
              </dd>
            </div>
          </dl>
          <p className={style.after}>
            {credits?.next_monthly
              ? `${whole(credits.next_monthly.credits)} credits come on ${day(credits.next_monthly.at)}. `
              : ""}
            You are with us since {day(profile.member_since)}. <Link href="/credits">See your credits</Link>
          </p>
        </>
      ) : error ? (
        <Trouble error={error} onRetry={refetch} />
      ) : (
        <SkeletonRows rows={7} height="1.5rem" />
      )}
    </Card>
  );
}

function rowsOf(plan: Allowance): [string, string][] {
  return [
    ["Credits a month", plan.credits_monthly ? whole(plan.credits_monthly) : "None"],
    ["Most credits a question", whole(plan.price_cap)],
    ["Longest answer", `${whole(plan.tokens_max)} tokens`],
    ["Symbols to watch", whole(plan.symbols_max)],
    ["Questions a minute", whole(plan.requests_per_minute)],
    ["Answers at once", whole(plan.concurrent_streams)],
  ];
}

function titled(tier: string): string {
  return tier.charAt(0).toUpperCase() + tier.slice(1);
}
