import { useQuery } from "@tanstack/react-query";
import { useApi } from "~/api/ApiProvider";
import { Card } from "~/components/layout";
import style from "./account.module.css";
import { LICENCES } from "./licences";

const COMMIT_LENGTH = 7;

export function AboutCard() {
  const api = useApi();
  const { data, isError } = useQuery({
    queryKey: ["version"],
    queryFn: () => api.get("/healthz"),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  return (
    <Card title="About">
      <div className={style.about}>
        <p>
          This is information, not financial advice. Signals and answers can be wrong, and past win rates
          promise nothing. Every trade can lose money, up to the whole stake.
        </p>
        <dl className={style.plan}>
          <div>
            <dt>Version</dt>
            <dd data-testid="version">
              {data ? versionOf(data.commit) : isError ? "Cannot be told right now" : "…"}
            </dd>
          </div>
          <div>
            <dt>Charts</dt>
            <dd>
              <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer">
                Charts by TradingView
              </a>
            </dd>
          </div>
        </dl>
        <details className={style.licences}>
          <summary>Open-source software in this app</summary>
          <ul>
            {LICENCES.map(({ name, licence }) => (
              <li key={name}>
                <span>{name}</span>
                <span className="muted small">{licence.replace(/[()]/g, "")}</span>
              </li>
            ))}
          </ul>
        </details>
      </div>
    </Card>
  );
}

/** A commit as people name it; anything else, such as `development`, as it is. */
export function versionOf(commit: string): string {
  return /^[0-9a-f]{40}$/.test(commit) ? commit.slice(0, COMMIT_LENGTH) : commit;
}
