/** A list that grows at both ends: new rows come live, old ones when they are asked for. */
export interface Growing<Row> {
  /** Oldest first, each time once. */
  rows: Row[];
  /** Where older rows begin; null: there are none. */
  older: string | null;
}

interface Page<Row> {
  /** Newest first, as the API answers. */
  items: readonly Row[];
  next: string | null;
}

type Named<Row> = (row: Row) => string;

/**
 * The newest page on top of what is known. When the two do not meet, as after a long sleep, only the page is kept:
 * a chart with a hole would lie.
 */
export function withNewest<Row extends { opened_at: string }>(
  known: Growing<Row> | undefined,
  page: Page<Row>,
  nameOf: Named<Row>,
): Growing<Row> {
  const fresh = oldestFirst(page.items, nameOf);
  const last = known?.rows.at(-1);
  const first = fresh[0];
  if (!known || !last || !first || timeOf(first) > timeOf(last)) return { rows: fresh, older: page.next };
  return { rows: joined(known.rows, fresh, nameOf), older: known.older };
}

export function withOlder<Row extends { opened_at: string }>(
  known: Growing<Row>,
  page: Page<Row>,
  nameOf: Named<Row>,
): Growing<Row> {
  return { rows: joined(oldestFirst(page.items, nameOf), known.rows, nameOf), older: page.next };
}

function timeOf(row: { opened_at: string }): number {
  return Date.parse(row.opened_at);
}

function oldestFirst<Row extends { opened_at: string }>(items: readonly Row[], nameOf: Named<Row>): Row[] {
  return joined([], [...items].reverse(), nameOf);
}

/** Both in the order of time; of two rows with one name the later given counts. */
function joined<Row extends { opened_at: string }>(
  before: readonly Row[],
  after: readonly Row[],
  nameOf: Named<Row>,
): Row[] {
  const byName = new Map<string, Row>();
  for (const row of before) byName.set(nameOf(row), row);
  for (const row of after) byName.set(nameOf(row), row);
  return [...byName.values()].sort((one, other) => timeOf(one) - timeOf(other));
}
