import { useState } from "react";
import { Button } from "~/components/Button";
import { Dialog } from "~/components/Dialog";
import { Notice } from "~/components/states";
import { useToast } from "~/components/toast";
import { TIMEFRAME_DEFAULT, type Timeframe } from "~/timeframes";
import { LimitNotice, SymbolPicker } from "./SymbolPicker";
import { useSymbolsMax, useWatch, useWatched, type WatchFailure, watchAll } from "./watching";

/** Add symbols to the watch list; what is refused stays in the dialog with the reason. */
export function AddDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  return (
    <Dialog
      isOpen={isOpen}
      onClose={onClose}
      title="Watch a symbol"
      description="Zmarty loads its history, then gives a signal whenever a candle closes."
    >
      <AddForm onClose={onClose} />
    </Dialog>
  );
}

export function AddForm({ onClose }: { onClose: () => void }) {
  const [chosen, setChosen] = useState<string[]>([]);
  const [timeframe, setTimeframe] = useState<Timeframe>(TIMEFRAME_DEFAULT);
  const [failures, setFailures] = useState<WatchFailure[]>([]);
  const [isBusy, setBusy] = useState(false);
  const { data: watched = [] } = useWatched();
  const symbolsMax = useSymbolsMax();
  const watch = useWatch();
  const toast = useToast();
  const room = symbolsMax === undefined ? undefined : symbolsMax - watched.length;
  const limit = failures.find(failure => failure.isLimit);

  const add = async () => {
    setBusy(true);
    const done = await watchAll(watch.mutateAsync, chosen, timeframe);
    setBusy(false);
    if (done.watched.length > 0) {
      toast.done(
        done.watched.length === 1
          ? `${done.watched[0]} is being set up.`
          : `${done.watched.length} symbols are being set up.`,
      );
    }
    setFailures(done.failures);
    setChosen(chosen.filter(symbol => !done.watched.includes(symbol)));
    if (done.failures.length === 0) onClose();
  };
  return (
    <form
      onSubmit={event => {
        event.preventDefault();
        if (chosen.length > 0) void add();
      }}
      style={{ display: "grid", gap: "var(--space-5)", marginTop: "var(--space-4)" }}
    >
      <SymbolPicker
        chosen={chosen}
        onChange={setChosen}
        timeframe={timeframe}
        onTimeframe={setTimeframe}
        watched={new Set(watched.filter(row => row.timeframe === timeframe).map(row => row.symbol))}
        room={room}
      />
      {limit && (room === undefined || room > 0) && <LimitNotice told={limit.text} />}
      {failures
        .filter(failure => !failure.isLimit)
        .map(failure => (
          <Notice key={failure.symbol} tone="bad" title={failure.symbol}>
            {failure.text}
          </Notice>
        ))}
      <div
        style={{ display: "flex", alignItems: "center", justifyContent: "flex-end", gap: "var(--space-2)" }}
      >
        {symbolsMax !== undefined && (
          <span className="muted small num" style={{ marginInlineEnd: "auto" }}>
            {watched.length + chosen.length} of {symbolsMax} symbols
          </span>
        )}
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" isBusy={isBusy} disabled={chosen.length === 0}>
          {chosen.length > 1 ? `Watch ${chosen.length} symbols` : "Watch"}
        </Button>
      </div>
    </form>
  );
}
