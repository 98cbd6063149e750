import type { ProviderStanding, Source, Vendor } from "@zmarty/client";
import { Card } from "~/components/layout";
import { Badge, Empty, SkeletonRows, type Tone } from "~/components/states";
import { dateTime, decimal, duration, whole } from "~/format";
import style from "../admin.module.css";
import { AsOf, Bar, type Column, Loaded, Rows, When } from "../bits";
import { useProviders } from "../data";
import { inOrder, isDropped, stateOfVendor } from "../vendors";
import { spaced } from "../words";

const BREAKERS: Record<string, Tone> = { closed: "good", half_open: "warn", open: "bad" };
const PROBES: Record<string, Tone> = { healthy: "good", down: "bad" };

export function ProvidersPart() {
  const query = useProviders();
  return (
    <Loaded
      query={query}
      loading={
        <Card>
          <SkeletonRows rows={12} />
        </Card>
      }
    >
      {({ providers, vendors, sources }) => (
        <>
          <Card title="Models and voices" actions={<AsOf time={query.dataUpdatedAt} />}>
            <p className="muted small">Breakers and probes of the instance of the API that answered.</p>
            {providers.length === 0 ? (
              <Empty title="No provider is known" />
            ) : (
              <ul className={style.providers}>
                {providers.map(provider => (
                  <li key={provider.name}>
                    <Provider provider={provider} />
                  </li>
                ))}
              </ul>
            )}
          </Card>
          <Card title="Market data vendors">
            <Rows
              caption="Vendors of market data, this month"
              columns={VENDORS}
              rows={inOrder(vendors)}
              keyOf={vendor => vendor.vendor}
              toneOf={vendor => (vendor.paused_until ? "bad" : undefined)}
            />
          </Card>
          <Card title="Sources of readings">
            {sources.length === 0 ? (
              <Empty title="Nothing has been asked yet">The first look at the market fills this.</Empty>
            ) : (
              <Rows
                caption="Sources, this month"
                columns={SOURCES}
                rows={sources}
                keyOf={source => `${source.vendor} ${source.source}`}
                toneOf={source => (source.failure ? "bad" : undefined)}
              />
            )}
          </Card>
        </>
      )}
    </Loaded>
  );
}

function Provider({ provider }: { provider: ProviderStanding }) {
  const models = Object.entries(provider.models ?? {});
  return (
    <article className={style.provider}>
      <header>
        <h3>{provider.name}</h3>
        <Badge tone={PROBES[provider.probe] ?? "flat"}>{spaced(provider.probe)}</Badge>
        <span className="num muted small">
          {provider.latency_ms !== null && `${whole(provider.latency_ms)} ms`}
          {provider.checked_at && (
            <>
              {" · "}
              <When time={provider.checked_at} />
            </>
          )}
        </span>
      </header>
      {provider.reason && <p className="small">{provider.reason}</p>}
      {models.length === 0 ? (
        <p className="muted small">It needs no breaker.</p>
      ) : (
        <ul>
          {models.map(([model, breaker]) => (
            <li key={model}>
              <code className="small">{model}</code>
              <Badge tone={BREAKERS[breaker] ?? "flat"}>breaker {spaced(breaker)}</Badge>
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}

const VENDORS: Column<Vendor>[] = [
  { name: "Vendor", isPlain: true, cell: vendor => <code>{vendor.vendor}</code> },
  { name: "State", cell: vendor => <VendorState vendor={vendor} /> },
  {
    name: "Requests this month",
    isWide: true,
    cell: vendor =>
      vendor.monthly_quota ? (
        <span className={style.used}>
          <span className="num">
            {whole(vendor.requests)} of {whole(vendor.monthly_quota)}
          </span>
          <Bar name={`Quota of ${vendor.vendor}`} used={vendor.requests} of={vendor.monthly_quota} />
        </span>
      ) : (
        whole(vendor.requests)
      ),
  },
  {
    name: "Dollars",
    cell: vendor =>
      vendor.monthly_dollars === null ? (
        <span className="muted">–</span>
      ) : (
        <span className={style.used}>
          <span className="num">
            {decimal(vendor.dollars)} of {decimal(vendor.monthly_dollars)}
          </span>
          <Bar name={`Budget of ${vendor.vendor}`} used={vendor.dollars} of={vendor.monthly_dollars} />
        </span>
      ),
  },
  {
    name: "Per second",
    isEnd: true,
    cell: vendor => decimal(vendor.per_second, vendor.per_second % 1 === 0 ? 0 : 2),
  },
  { name: "At once now", isEnd: true, cell: vendor => whole(Math.floor(vendor.tokens)) },
  { name: "Kept back", isEnd: true, cell: vendor => whole(vendor.refused) },
  { name: "Refused", isEnd: true, cell: vendor => whole(vendor.limited) },
];

function VendorState({ vendor }: { vendor: Vendor }) {
  const state = stateOfVendor(vendor);
  if (state === "paused" && vendor.paused_until) {
    return (
      <span className={style.stackTight}>
        <Badge tone="bad">paused</Badge>
        <span className="small muted">
          until {dateTime(vendor.paused_until)}
          {vendor.paused_because && `: ${vendor.paused_because}`}
        </span>
      </span>
    );
  }
  if (state === "low") return <Badge tone="warn">quota low</Badge>;
  return state === "unused" ? <Badge>unused</Badge> : <Badge tone="good">open</Badge>;
}

const SOURCES: Column<Source>[] = [
  { name: "Source", isPlain: true, cell: source => <code>{source.source}</code> },
  { name: "Vendor", cell: source => <code className="muted">{source.vendor}</code> },
  {
    name: "State",
    cell: source => {
      if (source.failure) return <Badge tone="bad">failed</Badge>;
      if (isDropped(source)) return <Badge tone="warn">left out</Badge>;
      return source.answered_at ? <Badge tone="good">answered</Badge> : <Badge>not asked</Badge>;
    },
  },
  {
    name: "Last good answer",
    isEnd: true,
    cell: source => (source.age_seconds === null ? "never" : `${duration(source.age_seconds)} ago`),
  },
  {
    name: "Answered this month",
    isEnd: true,
    cell: source => `${whole(source.answered)} of ${whole(source.asked)}`,
  },
  { name: "Left out", isEnd: true, cell: source => whole(source.dropped) },
  {
    name: "Why",
    isWide: true,
    cell: source => <span className={style.breaking}>{source.failure ?? "–"}</span>,
  },
];
