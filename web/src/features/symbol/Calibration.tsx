import type { CalibrationRow } from "@zmarty/client";
import { useState } from "react";
import { type ChartPoint, LineChart } from "~/components/charts/LineChart";
import { Segments } from "~/components/Segments";
import { Badge, Empty, type Tone } from "~/components/states";
import { decimal, percent, whole } from "~/format";
import { Loaded } from "./Panel";
import { calibrationOf, calibrationWords } from "./record";
import style from "./symbol.module.css";
import { type Pair, useCalibration } from "./useSymbol";

const SIDES = [
  { value: "all", label: "Both" },
  { value: "long", label: "Long" },
  { value: "short", label: "Short" },
] as const;

const DRIFTS: Record<CalibrationRow["drift"], { word: string; tone: Tone }> = {
  none: { word: "No drift", tone: "good" },
  moderate: { word: "Moderate drift", tone: "warn" },
  strong: { word: "Strong drift", tone: "bad" },
  unknown: { word: "Drift not known yet", tone: "flat" },
};

export function Calibration({ pair }: { pair: Pair }) {
  const query = useCalibration(pair);
  const [side, setSide] = useState<(typeof SIDES)[number]["value"]>("all");
  return (
    <Loaded query={query} rows={5}>
      {rows => {
        const row = calibrationOf(rows, side);
        return (
          <div className={style.stack}>
            <Segments label="Direction" value={side} options={SIDES} onChange={setSide} />
            {row && row.reliability.length > 0 ? (
              <Curve row={row} />
            ) : (
              <Empty title="Not enough ended signals yet">
                Whether confidences are kept shows after some dozens of signals.
              </Empty>
            )}
          </div>
        );
      }}
    </Loaded>
  );
}

/** The bins as points: where they lie, what happened there, and how much each holds. */
export function pointsOf(row: Pick<CalibrationRow, "reliability">): ChartPoint[] {
  const most = Math.max(1, ...row.reliability.map(bin => bin.n_effective));
  return row.reliability.map(bin => ({
    x: bin.confidence,
    y: bin.share,
    low: bin.low,
    high: bin.high,
    weight: Math.sqrt(bin.n_effective / most),
  }));
}

function Curve({ row }: { row: CalibrationRow }) {
  const drift = DRIFTS[row.drift];
  return (
    <>
      <p>{calibrationWords(row)}</p>
      <figure>
        <LineChart
          label="What happened, by the confidence that was claimed; the numbers stand in the table below"
          height={230}
          xDomain={[0, 1]}
          yDomain={[0, 1]}
          xTick={value => percent(value, 0)}
          yTick={value => percent(value, 0)}
          hasDiagonal
          series={[{ name: "kept", points: pointsOf(row), tone: "accent", interval: "whiskers" }]}
        />
        <figcaption className="muted small">
          Across: confidence claimed. Up: share that came true. On the dashed line confidences are kept.
        </figcaption>
      </figure>
      <table className="visually-hidden">
        <caption>Confidence and what happened</caption>
        <thead>
          <tr>
            <th scope="col">Claimed</th>
            <th scope="col">Happened</th>
            <th scope="col">Signals</th>
          </tr>
        </thead>
        <tbody>
          {row.reliability.map(bin => (
            <tr key={bin.start}>
              <td>{percent(bin.confidence, 0)}</td>
              <td>
                {percent(bin.share, 0)} ({percent(bin.low, 0)} to {percent(bin.high, 0)})
              </td>
              <td>{whole(bin.n)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <dl className={style.pairs}>
        <div>
          <dt>
            <abbr title="The mean squared miss: lower is better">Brier score</abbr>
          </dt>
          <dd className="num">{row.brier === null ? "–" : decimal(row.brier, 3)}</dd>
        </div>
        <div>
          <dt>
            <abbr title="Above zero, confidences said more than the mere base rate">Skill</abbr>
          </dt>
          <dd className="num">{row.skill === null ? "–" : percent(row.skill, 1)}</dd>
        </div>
        <div>
          <dt>Signals</dt>
          <dd className="num">
            {whole(row.n)} <span className="muted">worth {whole(row.n_effective)}</span>
          </dd>
        </div>
      </dl>
      <div>
        <Badge tone={drift.tone}>{drift.word}</Badge>
      </div>
    </>
  );
}
