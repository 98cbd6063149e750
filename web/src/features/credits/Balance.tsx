import { CalendarClock, Hourglass } from "lucide-react";
import { Card } from "~/components/layout";
import { Notice, Skeleton, Trouble } from "~/components/states";
import { ago, day, whole } from "~/format";
import style from "./credits.module.css";
import { useBalance } from "./useCredits";
import { GRANT_KINDS } from "./words";

/** What may be spent, where it comes from and when it ends. */
export function Balance() {
  const { data, error, refetch } = useBalance();
  if (error && !data) {
    return (
      <Card title="Balance">
        <Trouble error={error} onRetry={refetch} />
      </Card>
    );
  }
  return (
    <Card className={style.balance}>
      <div className={style.available}>
        <h2 className={style.overline}>Available</h2>
        <p className={style.large}>
          {data ? (
            <span className="num" data-testid="available">
              {whole(data.available)}
            </span>
          ) : (
            <Skeleton width="5rem" height="2.5rem" />
          )}{" "}
          <span className="muted">credits</span>
        </p>
        <dl className={style.parts}>
          <div>
            <dt>Balance</dt>
            <dd className="num">{data ? whole(data.balance) : "–"}</dd>
          </div>
          <div>
            <dt>Set aside</dt>
            <dd className="num" data-testid="held">
              {data ? whole(data.held) : "–"}
            </dd>
          </div>
        </dl>
        <p className="muted small">
          While an answer is written, the most that it may cost is set aside. When it is done you pay what it
          took, and the rest is free again.
        </p>
        {data?.low && (
          <Notice tone="warn" title="Your credits run low">
            {data.low_since ? `Since ${ago(data.low_since)}. ` : ""}
            {data.next_monthly
              ? "More come with your plan, as said here."
              : "Short questions and Grok make them last longer."}
          </Notice>
        )}
      </div>
      <div className={style.sources}>
        <h3>Where they come from</h3>
        {data ? (
          <ul>
            {data.grants.map(grant => (
              <li key={grant.id}>
                <span>
                  {GRANT_KINDS[grant.kind]}
                  <span className="muted small">
                    {" "}
                    · {grant.expires_at ? `end ${day(grant.expires_at)}` : "never end"}
                  </span>
                </span>
                <span className="num">
                  {whole(grant.remaining)} <span className="muted small">of {whole(grant.credits)}</span>
                </span>
                <progress
                  className={style.remaining}
                  value={grant.remaining}
                  max={grant.credits}
                  aria-label={`${whole(grant.remaining)} of ${whole(grant.credits)} credits are left`}
                />
              </li>
            ))}
            {data.grants.length === 0 && <li className="muted">Nothing is left.</li>}
          </ul>
        ) : (
          <Skeleton height="4rem" />
        )}
        {data && data.grants.length > 1 && (
          <p className={style.note}>
            <Hourglass size={16} aria-hidden /> Those that end first are used first.
          </p>
        )}
        {data && (
          <p className={style.note}>
            <CalendarClock size={16} aria-hidden />
            {data.next_monthly
              ? `${whole(data.next_monthly.credits)} more come on ${day(data.next_monthly.at)}.`
              : "Your plan brings no monthly credits."}
          </p>
        )}
      </div>
    </Card>
  );
}
