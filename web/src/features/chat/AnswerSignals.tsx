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

/** The signals that an answer could use, each with its record; first those of the symbols that the question names. */
export function AnswerSignals({ signals, question }: { signals: readonly ShownSignal[]; question: string }) {
  const [isWhole, setWhole] = useState(false);
  if (signals.length === 0) return null;
  const named = signals.filter(signal => isNamed(signal, question));
  const first = (named.length > 0 ? named : signals).slice(0, SHOWN_FIRST);
  const shown = isWhole ? [...first, ...signals.filter(signal => !first.includes(signal))] : first;
  const hidden = signals.length - first.length;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a landmark for each answer would be too many
    <div className={style.signals} role="group" aria-label="Signals behind this answer">
      <p className={style.title}>{shown.length === 1 ? "Signal behind this" : "Signals behind this"}</p>
      <div className={style.list}>
        {shown.map(signal => (
          <Recorded key={signal.id} signal={signal} />
        ))}
      </div>
      {hidden > 0 && (
        <Button kind="quiet" size="small" className={style.more} onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Show fewer" : `Show ${hidden} more`}
        </Button>
      )}
    </div>
  );
}

/** "BTC/USDT", "BTC-USDT" and "BTC" all name it. */
export function isNamed({ symbol }: Pick<ShownSignal, "symbol">, question: string): boolean {
  const words = question.toUpperCase().split(/[^A-Z0-9]+/);
  return words.includes(symbol.split("/")[0] ?? symbol) || words.includes(symbol.replace("/", ""));
}

function Recorded({ signal }: { signal: ShownSignal }) {
  const api = useApi();
  const { data, isPending } = useQuery({
    queryKey: ["win-rates", signal.symbol, signal.timeframe, "newest"],
    queryFn: () =>
      api.get("/v1/win-rates/{symbol}", {
        path: { symbol: symbolPath(signal.symbol) },
        query: { timeframe: signal.timeframe, limit: ROWS_MAX },
      }),
    staleTime: 300_000,
  });
  const winRate = data ? winRateFor(data.items, signal) : isPending ? "loading" : undefined;
  return <SignalCard signal={signal} isCompact winRate={winRate} />;
}
