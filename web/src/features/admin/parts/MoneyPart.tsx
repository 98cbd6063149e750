import type { EntryTotal, Money } from "@zmarty/client";
import { CircleCheck } from "lucide-react";
import { useState } from "react";
import { Button } from "~/components/Button";
import { Card } from "~/components/layout";
import { Notice, SkeletonRows } from "~/components/states";
import { duration, signed, whole } from "~/format";
import style from "../admin.module.css";
import { AsOf, type Column, Loaded, Rows, Tile, Tiles, TilesLoading } from "../bits";
import { useMoney } from "../data";
import { counted } from "../words";
import { GrantDialog } from "./GrantDialog";
import { RefundDialog } from "./RefundDialog";

export function MoneyPart() {
  const query = useMoney();
  const [form, setForm] = useState<"grant" | "refund" | null>(null);
  return (
    <>
      <div className={style.bar2}>
        <AsOf time={query.dataUpdatedAt} />
        <span className={style.rowActions}>
          <Button onClick={() => setForm("refund")}>Refund a charge</Button>
          <Button kind="primary" onClick={() => setForm("grant")}>
            Grant credits
          </Button>
        </span>
      </div>
      <Loaded
        query={query}
        loading={
          <>
            <TilesLoading count={4} />
            <Card>
              <SkeletonRows rows={4} />
            </Card>
          </>
        }
      >
        {money => <Books money={money} />}
      </Loaded>
      {form === "grant" && <GrantDialog onClose={() => setForm(null)} />}
      {form === "refund" && <RefundDialog onClose={() => setForm(null)} />}
    </>
  );
}

function Books({ money }: { money: Money }) {
  const { holds } = money;
  return (
    <>
      {money.agrees ? (
        <p className={style.allGood}>
          <CircleCheck size={20} aria-hidden />
          The books agree: balances are the sum of their entries, and what is held is the sum of the holds.
        </p>
      ) : (
        <Notice tone="bad" title="The books differ">
          Balances say {whole(money.balance)} and {whole(money.held)} held; the entries add up to{" "}
          {whole(money.entries_sum)} and the holds to {whole(holds.credits)}.
        </Notice>
      )}
      <Tiles>
        <Tile
          name="All balances"
          value={whole(money.balance)}
          note={`of ${counted(money.accounts, "account")}`}
        />
        <Tile name="Sum of entries" value={whole(money.entries_sum)} note="grants less charges" />
        <Tile
          name="Held"
          value={whole(money.held)}
          note={
            holds.holds > 0
              ? `${counted(holds.holds, "request")} under way, the oldest for ${duration(holds.oldest_age_seconds ?? 0)}`
              : "no request is under way"
          }
        />
        <Tile
          name="Overdue holds"
          value={whole(holds.overdue)}
          note={holds.overdue > 0 ? "given back within a minute" : "none"}
          tone={holds.overdue > 0 ? "warn" : undefined}
        />
      </Tiles>
      <Card title="Entries">
        <Rows caption="Entries by kind" columns={ENTRIES} rows={money.entries} keyOf={row => row.kind} />
      </Card>
      {money.differences.length > 0 && (
        <Card title="Accounts that differ">
          <Rows
            caption="Accounts that differ"
            columns={DIFFERENCES}
            rows={money.differences}
            keyOf={row => row.user_id}
          />
        </Card>
      )}
    </>
  );
}

const ENTRIES: Column<EntryTotal>[] = [
  { name: "Kind", isPlain: true, cell: row => row.kind },
  { name: "Credits, 24 hours", isEnd: true, cell: row => signed(row.credits_day) },
  { name: "Entries, 24 hours", isEnd: true, cell: row => whole(row.entries_day) },
  { name: "Credits ever", isEnd: true, cell: row => signed(row.credits) },
  { name: "Entries ever", isEnd: true, cell: row => whole(row.entries) },
];

const DIFFERENCES: Column<Money["differences"][number]>[] = [
  { name: "User", isWide: true, cell: row => <code className="small">{row.user_id}</code> },
  { name: "Balance", isEnd: true, cell: row => whole(row.balance) },
  { name: "Sum of entries", isEnd: true, cell: row => whole(row.entries) },
  { name: "Held", isEnd: true, cell: row => whole(row.held) },
  { name: "Open holds", isEnd: true, cell: row => whole(row.holds) },
];
