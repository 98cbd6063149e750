import { ScrollText } from "lucide-react";
import { Card } from "~/components/layout";
import { Badge, Empty } from "~/components/states";
import { dateTime } from "~/format";
import style from "../admin.module.css";
import { actionOf, type Ending, endingOf, type Line, linesOf, personOf } from "../audit";
import { AsOf, type Column, Loaded, More, Rows } from "../bits";
import { rowsOf, useAudit } from "../data";
import { pretty } from "../words";

export function AuditPart() {
  const query = useAudit();
  return (
    <Card title="Audit" actions={<AsOf time={query.dataUpdatedAt} />}>
      <p className="muted small">What operators did, here and on the command line.</p>
      <Loaded query={query}>
        {data => {
          const lines = linesOf(rowsOf(data));
          if (lines.length === 0) {
            return (
              <Empty icon={<ScrollText size={32} aria-hidden />} title="Nothing was done by hand">
                Every action of an operator will be written down here.
              </Empty>
            );
          }
          return (
            <>
              <Rows
                caption="Actions of operators, newest first"
                columns={COLUMNS}
                rows={lines}
                keyOf={line => line.intent.id}
              />
              <More query={query} />
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}

const ENDINGS: Record<Ending, { tone: "good" | "bad" | "warn"; word: string }> = {
  done: { tone: "good", word: "done" },
  failed: { tone: "bad", word: "failed" },
  unknown: { tone: "warn", word: "result unknown" },
};

const COLUMNS: Column<Line>[] = [
  {
    name: "When",
    cell: ({ intent }) => (
      <time className={style.nowrap} dateTime={intent.created_at}>
        {dateTime(intent.created_at)}
      </time>
    ),
  },
  {
    name: "Who",
    cell: ({ intent }) => <span className={style.nowrap}>{personOf(intent.actor)}</span>,
  },
  {
    name: "What",
    isPlain: true,
    isWide: true,
    cell: ({ intent }) => (
      <span className={style.stackTight}>
        <strong>{actionOf(intent.action)}</strong>
        <code className={`small muted ${style.breaking}`}>{intent.entity}</code>
      </span>
    ),
  },
  {
    name: "Result",
    cell: line => {
      const { tone, word } = ENDINGS[endingOf(line)];
      return <Badge tone={tone}>{word}</Badge>;
    },
  },
  { name: "Details", isBare: true, isWide: true, cell: line => <Details line={line} /> },
];

function Details({ line: { intent, result } }: { line: Line }) {
  const came = JSON.stringify(result?.new ?? intent.new);
  const from = [intent.ip, intent.user_agent].filter(Boolean).join(" · ");
  return (
    <details className={style.details}>
      <summary>
        <code className={style.excerpt}>{came}</code>
      </summary>
      <div className={style.stackTight}>
        <pre className={style.pre}>{pretty({ asked: intent.new, came: result?.new ?? null })}</pre>
        {from && <span className="muted small">{from}</span>}
      </div>
    </details>
  );
}
