import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import { SignalCard } from "~/components/SignalCard";
import { type ShownSignal, winRateFor } from "~/components/signal";
import { symbolPath } from "~/format";
import style from "./AnswerSignals.module.css";

const SHOWN_FIRST = 3;
const ROWS_MAX = 200;

/** The signals that an answer could use, each with its record. */
export function AnswerSignals({ signals }: { signals: readonly ShownSignal[] }) {
  const [isWhole, setWhole] = useState(false);
  if (signals.length === 0) return null;
  const shown = isWhole ? signals : signals.slice(0, SHOWN_FIRST);
  return (
    <aside className={style.signals} aria-label="Signals behind this answer">
      <h3 className={style.title}>{signals.length === 1 ? "The signal used" : "Signals used"}</h3>
      <div className={style.list}>
        {shown.map(signal => (
          <Recorded key={signal.id} signal={signal} />
        ))}
      </div>
      {signals.length > SHOWN_FIRST && (
        <Button kind="quiet" size="small" className={style.more} onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Show fewer" : `Show ${signals.length - SHOWN_FIRST} more`}
        </Button>
      )}
    </aside>
  );
}

function Recorded({ signal }: { signal: ShownSignal }) {
  const api = useApi();
  const { data } = useQuery({
    queryKey: ["win-rates", signal.symbol, signal.timeframe],
    queryFn: () =>
      api.get("/v1/win-rates/{symbol}", {
        path: { symbol: symbolPath(signal.symbol) },
        query: { timeframe: signal.timeframe, limit: ROWS_MAX },
      }),
    staleTime: 300_000,
  });
  return <SignalCard signal={signal} isCompact winRate={data ? winRateFor(data.items, signal) : undefined} />;
}
