import { useQuery } from "@tanstack/react-query";
import { Eye } from "lucide-react";
import { Link } from "wouter";
import { useApi } from "~/api/ApiProvider";
import { buttonClass } from "~/components/Button";
import { Empty, Skeleton } from "~/components/states";
import style from "./FirstUse.module.css";
import { suggestionsFor } from "./suggestions";

/** Before the first question: what may be asked, about what the user watches. */
export function FirstUse({ onAsk }: { onAsk: (text: string) => void }) {
  const api = useApi();
  const { data, error } = useQuery({
    queryKey: ["symbols", "watched"],
    queryFn: () => api.get("/v1/symbols", { query: { limit: 200 } }),
  });
  // Without the list one can still ask: general questions stand in for it.
  const watched = (data?.items ?? []).filter(each => each.active);
  if (data && watched.length === 0) {
    return (
      <div className={style.first}>
        <Empty
          icon={<Eye size={32} aria-hidden />}
          title="Watch a symbol first"
          action={
            <Link href="/welcome" className={buttonClass({ kind: "primary" })}>
              Choose symbols
            </Link>
          }
        >
          Zmarty answers from what it sees in the symbols you watch. You can also ask right away about any
          symbol, such as BTC/USDT.
        </Empty>
      </div>
    );
  }
  return (
    <div className={style.first}>
      <h2 className={style.title}>What would you like to know?</h2>
      <p className="muted">
        Answers rest on your signals and their track record. Every one shows what it used and what it cost.
      </p>
      <ul className={style.list}>
        {data || error
          ? suggestionsFor(watched).map(text => (
              <li key={text}>
                <button type="button" className={style.suggestion} onClick={() => onAsk(text)}>
                  {text}
                </button>
              </li>
            ))
          : [1, 2, 3, 4].map(row => (
              <li key={row}>
                <Skeleton height="3.25rem" />
              </li>
            ))}
      </ul>
    </div>
  );
}
