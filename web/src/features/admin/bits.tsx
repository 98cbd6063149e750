import { Check, Copy } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Button } from "~/components/Button";
import { Skeleton, SkeletonRows, type Tone, Trouble } from "~/components/states";
import { Table } from "~/components/table";
import { ago, dateTime } from "~/format";
import style from "./admin.module.css";
import { clock, pretty } from "./words";

/** How long ago, with the exact time under the pointer. */
export function When({ time }: { time: string }) {
  return (
    <time dateTime={time} title={dateTime(time)} className={style.when}>
      {ago(time)}
    </time>
  );
}

/** When the numbers are from; they are never newer than that. */
export function AsOf({ time }: { time: number }) {
  return (
    <span className={style.asOf} data-testid="as-of">
      {time > 0 && `As of ${clock(time)}`}
    </span>
  );
}

export function Tile({
  name,
  value,
  note,
  tone,
}: {
  name: string;
  value: ReactNode;
  note?: ReactNode;
  tone?: Tone | undefined;
}) {
  return (
    <div className={style.tile} data-tone={tone}>
      <span className={style.tileName}>{name}</span>
      <span className={style.tileValue}>{value}</span>
      {note !== undefined && <span className={style.tileNote}>{note}</span>}
    </div>
  );
}

export function Tiles({ children }: { children: ReactNode }) {
  return <div className={style.tiles}>{children}</div>;
}

export function TilesLoading({ count }: { count: number }) {
  return (
    <div className={style.tiles} role="status" aria-label="Loading">
      {Array.from({ length: count }, (_, index) => (
        <div key={index} className={style.tile}>
          <Skeleton width="5rem" height="0.9rem" />
          <Skeleton width="4rem" height="1.8rem" />
          <Skeleton width="8rem" height="0.9rem" />
        </div>
      ))}
    </div>
  );
}

export interface Column<Row> {
  name: string;
  cell: (row: Row) => ReactNode;
  /** Long text: takes what is left and may break. */
  isWide?: boolean;
  isEnd?: boolean;
  /** Buttons and boxes: they stand without a name. */
  isBare?: boolean;
  /** Named in the head of the table, but not on the card of a phone. */
  isPlain?: boolean;
}

/** A table; on a phone each row is a card with its columns below each other. */
export function Rows<Row>({
  caption,
  columns,
  rows,
  keyOf,
  toneOf,
}: {
  caption: string;
  columns: Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
  toneOf?: (row: Row) => "bad" | "warn" | undefined;
}) {
  return (
    <div className={style.rows}>
      <Table
        caption={caption}
        head={columns.map(column => (
          <th key={column.name} scope="col" data-align={column.isEnd ? "end" : undefined}>
            {column.isBare ? <span className="visually-hidden">{column.name}</span> : column.name}
          </th>
        ))}
      >
        {rows.map(row => (
          <tr key={keyOf(row)} data-tone={toneOf?.(row)}>
            {columns.map(column => (
              <td
                key={column.name}
                data-name={column.isBare || column.isPlain ? undefined : column.name}
                data-align={column.isEnd ? "end" : undefined}
                data-wide={column.isWide || undefined}
              >
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </Table>
    </div>
  );
}

/** What every part has in common: loading, trouble, or what came. Old answers stay while new ones fail. */
export function Loaded<Data>({
  query,
  loading,
  children,
}: {
  query: { data: Data | undefined; error: Error | null; refetch: () => unknown };
  loading?: ReactNode;
  children: (data: Data) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <Trouble error={query.error} onRetry={() => void query.refetch()} />;
  return loading ?? <SkeletonRows rows={6} />;
}

export function More({
  query,
  label = "Show older ones",
}: {
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
  label?: string;
}) {
  if (!query.hasNextPage) return null;
  return (
    <div className={style.more}>
      <Button isBusy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        {label}
      </Button>
    </div>
  );
}

const COPIED_MS = 2_000;

export function CopyButton({ text, label, name = "Copy" }: { text: string; label: string; name?: string }) {
  const [state, setState] = useState<"" | "copied" | "refused">("");
  useEffect(() => {
    if (!state) return;
    const timer = setTimeout(() => setState(""), COPIED_MS);
    return () => clearTimeout(timer);
  }, [state]);
  return (
    <Button
      kind="quiet"
      size="small"
      aria-label={label}
      onClick={() =>
        navigator.clipboard.writeText(text).then(
          () => setState("copied"),
          () => setState("refused"),
        )
      }
    >
      {state === "copied" ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
      <span aria-live="polite">
        {state === "copied" ? "Copied" : state === "refused" ? "Not allowed" : name}
      </span>
    </Button>
  );
}

/** Text as it is, with its lines, to be read and copied. */
export function Source({ title, value }: { title: string; value: unknown }) {
  const text = typeof value === "string" && title !== "Message" ? value : pretty(value);
  return (
    <section className={style.source} aria-label={title}>
      <div className={style.sourceHead}>
        <h3>{title}</h3>
        <CopyButton text={text} label={`Copy ${title.toLowerCase()}`} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
      <pre className={style.pre} tabIndex={0}>
        {text}
      </pre>
    </section>
  );
}

/** How much of something is used, as a bar. */
export function Bar({ name, used, of }: { name: string; used: number; of: number }) {
  const share = of > 0 ? Math.min(1, used / of) : 0;
  return (
    <span className={style.bar} data-tone={share >= 0.95 ? "bad" : share >= 0.8 ? "warn" : undefined}>
      <meter className="visually-hidden" min={0} max={of} value={Math.min(used, of)} aria-label={name} />
      <span className={style.barFill} style={{ width: `${share * 100}%` }} />
    </span>
  );
}
