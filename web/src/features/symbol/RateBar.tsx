import style from "./symbol.module.css";

/** A rate with its interval and what random entries reached, on a scale from 0 to 1. The numbers stand beside it. */
export function RateBar({
  rate,
  low,
  high,
  baseline,
}: {
  rate: number | null;
  low: number | null;
  high: number | null;
  baseline: number | null;
}) {
  return (
    <span className={style.rateBar} aria-hidden>
      {low !== null && high !== null && (
        <span
          className={style.rateInterval}
          style={{ left: `${low * 100}%`, width: `${Math.max(0, high - low) * 100}%` }}
        />
      )}
      {baseline !== null && <span className={style.rateBaseline} style={{ left: `${baseline * 100}%` }} />}
      {rate !== null && <span className={style.ratePoint} style={{ left: `${rate * 100}%` }} />}
    </span>
  );
}
