import type { DeadLetter, QueueStanding } from "@zmarty/client";
import { MailCheck, RotateCcw, Trash2 } from "lucide-react";
import { useState } from "react";
import { useLocation, useSearch } from "wouter";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import { SelectField } from "~/components/Field";
import { Card } from "~/components/layout";
import { Badge, Empty, Notice } from "~/components/states";
import { whole } from "~/format";
import { Ask } from "../Ask";
import style from "../admin.module.css";
import { AsOf, type Column, Loaded, More, Rows, When } from "../bits";
import { rowsOf, useLetters, useReadAnew } from "../data";
import { batchesOf, doable, keyOf, type Outcome, type Told, told, type Verb } from "../letters";
import { pathOf } from "../partNames";
import { counted } from "../words";
import { LetterDialog } from "./LetterDialog";

interface Asked {
  verb: Verb;
  letters: DeadLetter[];
}

export function LettersPart({ queues }: { queues: QueueStanding[] }) {
  const [, go] = useLocation();
  const queue = new URLSearchParams(useSearch()).get("queue");
  const query = useLetters(queue);
  const letters = rowsOf(query.data);
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const [openedKey, setOpenedKey] = useState<string | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const work = useLetterWork();

  // What is gone from the list, by us or by somebody else, is not chosen any more.
  const chosen = letters.filter(letter => marked.has(keyOf(letter)));
  const opened = letters.find(letter => keyOf(letter) === openedKey);
  const ask = (verb: Verb, about: DeadLetter[]) => setAsked({ verb, letters: about });
  const mark = (keys: readonly string[], isMarked: boolean) =>
    setMarked(known => {
      const next = new Set(known);
      for (const key of keys) {
        if (isMarked) next.add(key);
        else next.delete(key);
      }
      return next;
    });

  return (
    <Card
      title="Dead letters"
      actions={
        <div className={style.filter}>
          <SelectField
            label="Queue"
            value={queue ?? ""}
            onChange={event => {
              setMarked(new Set());
              const name = event.target.value;
              go(name ? `${pathOf("dead-letters")}?queue=${name}` : pathOf("dead-letters"), {
                replace: true,
              });
            }}
          >
            <option value="">All queues</option>
            {queues.map(({ name, dead }) => (
              <option key={name} value={name}>
                {dead > 0 ? `${name} (${whole(dead)})` : name}
              </option>
            ))}
            {queue && !queues.some(one => one.name === queue) && <option value={queue}>{queue}</option>}
          </SelectField>
        </div>
      }
    >
      <div className={style.stack}>
        <div className={style.bar2}>
          <p className="muted small">
            Messages that could not be carried out. A retry sends the message again as a new one; discarding
            puts it aside without doing its work.
          </p>
          <span className={style.rowActions}>
            <AsOf time={query.dataUpdatedAt} />
          </span>
        </div>
        {work.told && (
          <Notice
            tone={work.told.isGood ? "info" : "bad"}
            actions={
              <Button kind="quiet" size="small" onClick={work.forget}>
                Dismiss
              </Button>
            }
          >
            <span data-testid="letters-result">{work.told.text}</span>
          </Notice>
        )}
        <Loaded query={query}>
          {() =>
            letters.length === 0 ? (
              <Empty
                icon={<MailCheck size={32} aria-hidden />}
                title={queue ? `${queue} has no dead letters` : "No dead letters"}
              >
                Every message could be carried out, or somebody has seen to it.
              </Empty>
            ) : (
              <>
                <Toolbar
                  chosen={chosen}
                  isAll={chosen.length === letters.length}
                  isBusy={work.isBusy}
                  onAll={isMarked => mark(letters.map(keyOf), isMarked)}
                  onAsk={ask}
                />
                <Rows
                  caption="Dead letters, newest first"
                  columns={columnsOf(marked, mark, setOpenedKey)}
                  rows={letters}
                  keyOf={keyOf}
                />
                <More query={query} />
              </>
            )
          }
        </Loaded>
      </div>
      {opened && (
        <LetterDialog letter={opened} isBusy={work.isBusy} onAsk={ask} onClose={() => setOpenedKey(null)} />
      )}
      {asked && (
        <Question
          asked={asked}
          isBusy={work.isBusy}
          onClose={() => setAsked(null)}
          onYes={async () => {
            await work.run(asked.verb, asked.letters);
            mark(asked.letters.map(keyOf), false);
            setAsked(null);
          }}
        />
      )}
    </Card>
  );
}

function Question({
  asked: { verb, letters },
  isBusy,
  onYes,
  onClose,
}: {
  asked: Asked;
  isBusy: boolean;
  onYes: () => void;
  onClose: () => void;
}) {
  const count = doable(letters, verb).length;
  const left = letters.length - count;
  const isRetry = verb === "retry";
  return (
    <Ask
      title={`${isRetry ? "Retry" : "Discard"} ${counted(count, "dead letter")}?`}
      yes={isRetry ? "Retry" : "Discard"}
      isHarmful={!isRetry}
      isBusy={isBusy}
      onYes={onYes}
      onClose={onClose}
    >
      {isRetry
        ? "Each message goes back to its queue as a new one and is tried again at once."
        : "Their work will not be done. The letters stay in the archive until it is pruned."}
      {left > 0 &&
        ` ${whole(left)} of those chosen ${left === 1 ? "holds" : "hold"} no message that could be sent again.`}
    </Ask>
  );
}

function Toolbar({
  chosen,
  isAll,
  isBusy,
  onAll,
  onAsk,
}: {
  chosen: DeadLetter[];
  isAll: boolean;
  isBusy: boolean;
  onAll: (isMarked: boolean) => void;
  onAsk: (verb: Verb, letters: DeadLetter[]) => void;
}) {
  const count = chosen.length;
  return (
    <div className={style.toolbar} data-active={count > 0 || undefined}>
      <label className={style.check}>
        <input
          type="checkbox"
          checked={isAll}
          ref={box => {
            if (box) box.indeterminate = count > 0 && !isAll;
          }}
          onChange={event => onAll(event.target.checked)}
        />
        {count > 0 ? `${whole(count)} selected` : "Select all shown"}
      </label>
      <span className={style.rowActions}>
        <Button
          size="small"
          kind="primary"
          disabled={doable(chosen, "retry").length === 0}
          isBusy={isBusy}
          aria-label="Retry selected"
          onClick={() => onAsk("retry", chosen)}
        >
          <RotateCcw size={14} aria-hidden />
          Retry
        </Button>
        <Button
          size="small"
          kind="danger"
          disabled={count === 0}
          isBusy={isBusy}
          aria-label="Discard selected"
          onClick={() => onAsk("discard", chosen)}
        >
          <Trash2 size={14} aria-hidden />
          Discard
        </Button>
      </span>
    </div>
  );
}

function columnsOf(
  marked: ReadonlySet<string>,
  mark: (keys: readonly string[], isMarked: boolean) => void,
  open: (key: string) => void,
): Column<DeadLetter>[] {
  return [
    {
      name: "Selected",
      isBare: true,
      cell: letter => (
        <label className={style.check}>
          <input
            type="checkbox"
            aria-label={`Select letter ${letter.msg_id} of ${letter.queue}`}
            checked={marked.has(keyOf(letter))}
            onChange={event => mark([keyOf(letter)], event.target.checked)}
          />
        </label>
      ),
    },
    {
      name: "Letter",
      isPlain: true,
      isWide: true,
      cell: letter => (
        <button type="button" className={style.letter} onClick={() => open(keyOf(letter))}>
          <span className={style.letterHead}>
            <Badge tone="bad">{letter.code ?? "unreadable"}</Badge>
            <code className="small">
              {letter.queue} #{letter.msg_id}
            </code>
            {!letter.can_retry && <Badge>no retry</Badge>}
          </span>
          <span className={style.letterWhy}>{letter.error || "No reason was written down."}</span>
        </button>
      ),
    },
    { name: "Attempts", isEnd: true, cell: letter => letter.attempts ?? "–" },
    {
      name: "First failed",
      isEnd: true,
      cell: letter => (letter.first_failed_at ? <When time={letter.first_failed_at} /> : "–"),
    },
    {
      name: "Last failed",
      isEnd: true,
      cell: letter => <When time={letter.last_failed_at ?? letter.buried_at} />,
    },
  ];
}

/** Carries out what was asked, one request for each queue, and tells of all of them together. */
function useLetterWork() {
  const api = useApi();
  const readAnew = useReadAnew();
  const [isBusy, setIsBusy] = useState(false);
  const [result, setResult] = useState<Told | null>(null);

  const run = async (verb: Verb, letters: DeadLetter[]) => {
    setIsBusy(true);
    setResult(null);
    const able = doable(letters, verb);
    const outcomes: Outcome[] = [];
    for (const { queue, ids } of batchesOf(able)) {
      const order = { path: { queue }, body: { msg_ids: ids } };
      try {
        const answer =
          verb === "retry"
            ? await api.post("/v1/admin/dead-letters/{queue}/retry", order)
            : await api.post("/v1/admin/dead-letters/{queue}/discard", order);
        outcomes.push({ queue, asked: answer.asked, done: answer.done, error: null });
      } catch (error) {
        const why = error instanceof Error ? error.message : "Something unexpected happened.";
        outcomes.push({ queue, asked: ids.length, done: 0, error: why });
      }
    }
    setResult(told(verb, outcomes, letters.length - able.length));
    await readAnew();
    setIsBusy(false);
  };

  return { run, isBusy, told: result, forget: () => setResult(null) };
}
