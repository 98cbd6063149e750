import { ChevronDown } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Card } from "~/components/layout";
import { SkeletonRows, Trouble } from "~/components/states";
import style from "./symbol.module.css";

/** As in symbol.module.css. */
export const NARROW = "(max-width: 48rem)";
export const ONE_COLUMN = "(max-width: 70rem)";

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const changed = () => setMatches(media.matches);
    changed();
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, [query]);
  return matches;
}

/**
 * One part of the page: a card, or on a phone a fold that is closed at first and whose contents are asked for only
 * when it is opened.
 */
export function Panel({
  title,
  isNarrow,
  isOpenFirst = false,
  children,
}: {
  title: string;
  isNarrow: boolean;
  isOpenFirst?: boolean;
  children: ReactNode;
}) {
  const [isOpen, setOpen] = useState(isOpenFirst);
  if (!isNarrow) {
    return <Card title={title}>{children}</Card>;
  }
  return (
    <details className={style.fold} open={isOpen} onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>
        <h2>{title}</h2>
        <ChevronDown className={style.foldMark} size={18} aria-hidden />
      </summary>
      {isOpen && <div className={style.foldBody}>{children}</div>}
    </details>
  );
}

interface Asked<Data> {
  data: Data | undefined;
  error: Error | null;
  refetch: () => unknown;
}

/** What was asked for, while it loads, when it did not come, and when it is there. */
export function Loaded<Data>({
  query,
  rows = 4,
  rowHeight = "2.5rem",
  children,
}: {
  query: Asked<Data>;
  rows?: number;
  rowHeight?: string;
  children: (data: Data) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <Trouble error={query.error} onRetry={() => void query.refetch()} />;
  return <SkeletonRows rows={rows} height={rowHeight} />;
}
