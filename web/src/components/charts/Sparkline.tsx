import style from "./charts.module.css";
import { extentOf, linear, pathOf } from "./scale";

export type ChartTone = "flat" | "accent" | "long" | "short" | "info" | "warn";

/** The course of a few values, oldest first, without axes. `label` says it in words; without one it is decoration. */
export function Sparkline({
  values,
  label,
  tone = "flat",
  width = 96,
  height = 28,
  isFilled = false,
  domain,
}: {
  values: readonly (number | null)[];
  label?: string;
  tone?: ChartTone;
  width?: number;
  height?: number;
  isFilled?: boolean;
  /** What the height stands for, when that is not the extent of the values. */
  domain?: readonly [number, number];
}) {
  const known = domain ?? extentOf(values);
  if (!known || values.length < 2)
    return <svg className={style.spark} width={width} height={height} aria-hidden="true" />;
  const x = linear([0, values.length - 1], [1, width - 1]);
  const y = linear(known, [height - 2, 2]);
  const line = pathOf(values.map((value, at) => (value === null ? null : { x: x(at), y: y(value) })));
  const drawing = (
    <svg
      className={`${style.spark} ${style.tone}`}
      data-tone={tone}
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      aria-hidden="true"
    >
      {isFilled && values.every(value => value !== null) && (
        <path className={style.under} d={`${line}L${width - 1} ${height}L1 ${height}Z`} />
      )}
      <path d={line} />
    </svg>
  );
  return label ? (
    <span role="img" aria-label={label}>
      {drawing}
    </span>
  ) : (
    drawing
  );
}
