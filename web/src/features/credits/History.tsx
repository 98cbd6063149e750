import { useMutation } from "@tanstack/react-query";
import type { EntryAnswer } from "@zmarty/client";
import { Download, MessageSquareText, ReceiptText } from "lucide-react";
import { useId, useState } from "react";
import { Link } from "wouter";
import { useApi } from "~/api/ApiProvider";
import { saveFile } from "~/api/saveFile";
import { Button } from "~/components/Button";
import { SelectField, TextField } from "~/components/Field";
import { Card } from "~/components/layout";
import { Empty, Notice, SkeletonRows, Trouble } from "~/components/states";
import { Table } from "~/components/table";
import { modelName } from "~/features/chat/models";
import { dateTime, signed, whole } from "~/format";
import style from "./credits.module.css";
import { dayOf } from "./days";
import { type Filter, faultOf, isFiltered, NO_FILTER, queryOf } from "./filter";
import { useHistory, useModels } from "./useCredits";
import { KINDS, whatOf } from "./words";

const CSV_SECONDS_MAX = 120;

/** Every movement, newest first. */
export function History() {
  const api = useApi();
  const [filter, setFilter] = useState(NO_FILTER);
  const fault = faultOf(filter);
  const download = useMutation({
    mutationFn: () =>
      api.file("/v1/credits/history", {
        query: { ...queryOf(filter), format: "csv" },
        secondsMax: CSV_SECONDS_MAX,
      }),
    onSuccess: file => saveFile(file, `zmarty-credits-${dayOf(new Date())}.csv`),
  });
  return (
    <Card
      title="History"
      actions={
        <Button
          size="small"
          onClick={() => download.mutate()}
          isBusy={download.isPending}
          disabled={fault !== null}
        >
          <Download size={16} aria-hidden /> Download CSV
        </Button>
      }
    >
      <div className={style.history}>
        <Filters filter={filter} onChange={setFilter} fault={fault} />
        {download.error && (
          <Notice tone="bad" title="The file could not be made">
            {download.error.message}
          </Notice>
        )}
        <Entries filter={fault ? NO_FILTER : filter} onReset={() => setFilter(NO_FILTER)} />
      </div>
    </Card>
  );
}

function Filters({
  filter,
  onChange,
  fault,
}: {
  filter: Filter;
  onChange: (filter: Filter) => void;
  fault: string | null;
}) {
  const { data: models } = useModels();
  const id = useId();
  return (
    <fieldset className={style.filters}>
      <legend className="visually-hidden">Which movements to show</legend>
      <SelectField
        label="Kind"
        value={filter.kind}
        onChange={({ target }) => onChange({ ...filter, kind: target.value as Filter["kind"] })}
      >
        <option value="">All</option>
        {Object.entries(KINDS).map(([kind, name]) => (
          <option key={kind} value={kind}>
            {name}
          </option>
        ))}
      </SelectField>
      <SelectField
        label="Model"
        value={filter.model}
        onChange={({ target }) => onChange({ ...filter, model: target.value })}
      >
        <option value="">All</option>
        {models?.data
          .filter(model => model.family !== null && model.family !== model.id)
          .map(model => (
            <option key={model.id} value={model.id}>
              {modelName(model.id)}
            </option>
          ))}
      </SelectField>
      <TextField
        label="From"
        type="date"
        value={filter.from}
        error={fault}
        onChange={({ target }) => onChange({ ...filter, from: target.value })}
      />
      <TextField
        label="To"
        type="date"
        value={filter.to}
        onChange={({ target }) => onChange({ ...filter, to: target.value })}
        id={`${id}-to`}
      />
    </fieldset>
  );
}

function Entries({ filter, onReset }: { filter: Filter; onReset: () => void }) {
  const {
    data,
    error,
    refetch,
    isPlaceholderData,
    hasNextPage,
    fetchNextPage,
    isFetchingNextPage,
    isFetchNextPageError,
  } = useHistory(filter);
  if (!data)
    return error ? <Trouble error={error} onRetry={refetch} /> : <SkeletonRows rows={8} height="2.75rem" />;
  const entries = data.pages.flatMap(page => page.items);
  if (entries.length === 0) {
    return isFiltered(filter) ? (
      <Empty
        icon={<ReceiptText size={32} aria-hidden />}
        title="Nothing fits this choice"
        action={<Button onClick={onReset}>Show everything</Button>}
      />
    ) : (
      <Empty icon={<ReceiptText size={32} aria-hidden />} title="Nothing has moved yet">
        What you get and spend is listed here.
      </Empty>
    );
  }
  return (
    <div className={style.entries} data-stale={isPlaceholderData || undefined} aria-busy={isPlaceholderData}>
      <Table
        caption="Movements of your credits"
        head={
          <>
            <th scope="col">What</th>
            <th scope="col" className={style.wideOnly}>
              When
            </th>
            <th scope="col" data-align="end">
              Credits
            </th>
            <th scope="col" data-align="end">
              Balance
            </th>
          </>
        }
      >
        {entries.map(entry => (
          <Row key={entry.id} entry={entry} />
        ))}
      </Table>
      {isFetchNextPageError && (
        <Notice tone="bad" title="The older ones did not come">
          {error?.message}
        </Notice>
      )}
      {hasNextPage && (
        <Button className={style.more} onClick={() => void fetchNextPage()} isBusy={isFetchingNextPage}>
          Show older
        </Button>
      )}
    </div>
  );
}

function Row({ entry }: { entry: EntryAnswer }) {
  return (
    <tr>
      <td className={style.what}>
        <span className={style.name}>
          {entry.conversation_id ? (
            <Link href={`/chat/${entry.conversation_id}`}>
              {whatOf(entry)} <MessageSquareText size={14} aria-label="Open the conversation" />
            </Link>
          ) : (
            whatOf(entry)
          )}
        </span>
        <span className={style.details}>
          {entry.kind === "charge" ? detailsOf(entry) : KINDS[entry.kind]}
          <time className={style.narrowOnly} dateTime={entry.created_at}>
            {dateTime(entry.created_at)}
          </time>
        </span>
      </td>
      <td className={style.wideOnly}>
        <time className={style.when} dateTime={entry.created_at}>
          {dateTime(entry.created_at)}
        </time>
      </td>
      <td data-align="end">
        <span className={style.amount} data-is-gain={entry.amount > 0 || undefined}>
          {signed(entry.amount)}
        </span>
      </td>
      <td data-align="end">{whole(entry.balance_after)}</td>
    </tr>
  );
}

function detailsOf({ model, input_tokens, output_tokens }: EntryAnswer): string {
  const tokens =
    input_tokens === null || output_tokens === null
      ? null
      : `${whole(input_tokens)} tokens read, ${whole(output_tokens)} written`;
  return [model && modelName(model), tokens].filter(Boolean).join(" · ") || KINDS.charge;
}
