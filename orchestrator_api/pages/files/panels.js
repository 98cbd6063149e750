// The panels below the queues: workers, mirror, providers, credits, schedules, errors, audit.
import { ask } from "/pages/ask.js";
import { element } from "/pages/dom.js";
import { duration, moment, plural, version } from "/pages/format.js";
import { fill, table } from "/pages/table.js";

const at = (id) => document.getElementById(id);
const SILENT_SECONDS = 60;
const STALLED_SECONDS = 180;

export function showWorkers(workers) {
  fill(at("workers"), "No worker has reported. Without one, nothing is ingested and no signal is computed.", workers, {
    Worker: (worker) => element("code", {}, worker.worker_id),
    State: (worker) => {
      if (worker.beat_age_seconds > SILENT_SECONDS) return element("span", { class: "pill bad" }, "silent");
      return worker.progress_age_seconds > STALLED_SECONDS ? element("span", { class: "pill warn" }, "stalled") : element("span", { class: "pill good" }, "working");
    },
    "Last beat": (worker) => `${duration(worker.beat_age_seconds)} ago`,
    "Running for": (worker) => duration((Date.now() - new Date(worker.started_at)) / 1000),
    "In flight": (worker) => sum(worker, (queue) => queue.in_flight),
    Done: (worker) => sum(worker, (queue) => queue.endings?.done),
    Retries: (worker) => sum(worker, (queue) => queue.retries),
    "Leases renewed, lost": (worker) => `${sum(worker, (queue) => queue.leases_renewed)}, ${sum(worker, (queue) => queue.leases_lost)}`,
    "Mean time": (worker) => meanTime(worker),
    Version: (worker) => version(worker.version),
  }, { title: "Workers" });
}

function sum(worker, number) {
  return total(worker, number).toLocaleString();
}

function total(worker, number) {
  return Object.values(worker.metrics).reduce((all, queue) => all + (Number(number(queue ?? {})) || 0), 0);
}

function meanTime(worker) {
  const ended = total(worker, (queue) => Object.values(queue.endings ?? {}).reduce((all, count) => all + count, 0));
  return ended ? `${Math.round(total(worker, (queue) => queue.duration_ms_total) / ended).toLocaleString()} ms` : "–";
}

export function showMirror(overview, api, changed) {
  const { pending, oldest_age_seconds: age, parked } = overview.outbox;
  at("lag").textContent = pending ? `${plural(pending, "change")} on the way, the oldest for ${duration(age)}` : "nothing on the way";
  fill(at("outbox"), "No change was refused. What users change reaches the trading database.", overview.parked, {
    Id: (row) => element("code", {}, String(row.id)),
    Change: (row) => `${row.type ?? "?"} ${row.table_name ?? ""}`,
    User: (row) => element("code", { class: "soft" }, row.user_id),
    Parked: (row) => moment(row.parked_at),
    Attempts: (row) => String(row.attempts),
    Why: (row) => row.last_error ?? "–",
    "": (row) => retryButton(row, api, changed),
  }, { wide: ["Why"], title: "Changes that were refused" });
  return parked;
}

function retryButton(row, api, changed) {
  const button = element("button", { type: "button", class: "small quiet", "aria-label": `Retry change ${row.id}` }, "Retry");
  button.addEventListener("click", async () => {
    const question = { title: `Retry change ${row.id}?`, text: "The relay sends it again. If newer changes arrived meanwhile, the receiving side keeps those.", yes: "Retry" };
    if (!(await ask(question))) return;
    await api.act(button, "/v1/admin/outbox/retry", { ids: [row.id] }, (answer) => (answer.retried.length ? `Change ${row.id} is on its way again.` : `Change ${row.id} was not parked any more.`));
    changed();
  });
  return button;
}

export function showProviders({ providers, vendors, sources }) {
  fill(at("models"), "No provider is known.", providers, {
    Provider: (row) => row.name,
    Breaker: (row) => (row.breaker ? element("span", { class: `pill ${{ closed: "good", half_open: "warn", open: "bad" }[row.breaker]}` }, row.breaker.replace("_", " ")) : "–"),
    Probe: (row) => element("span", { class: `pill ${{ healthy: "good", down: "bad" }[row.probe] ?? ""}`, title: row.reason }, row.probe.replace("_", " ")),
    Latency: (row) => (row.latency_ms === null ? "–" : `${Math.round(row.latency_ms)} ms`),
    Checked: (row) => (row.checked_at ? moment(row.checked_at) : "–"),
  }, { title: "Providers" });
  fill(at("vendors"), "", vendors, {
    Vendor: (row) => row.vendor,
    "This month": (row) => (row.monthly_quota ? `${row.requests.toLocaleString()} of ${row.monthly_quota.toLocaleString()}` : row.requests.toLocaleString()),
    State: (row) => {
      if (row.paused_until) return element("span", { class: "pill bad", title: row.paused_because }, "paused");
      return element("span", { class: `pill ${row.is_low ? "warn" : "good"}` }, row.is_low ? "quota low" : "open");
    },
    "Kept back, refused": (row) => `${row.refused.toLocaleString()}, ${row.limited.toLocaleString()}`,
    Dollars: (row) => (row.monthly_dollars === null ? "–" : `${row.dollars.toFixed(2)} of ${row.monthly_dollars.toFixed(2)}`),
  }, { title: "Vendors of market data" });
  fill(at("sources"), "Nothing has been asked yet.", sources, {
    Source: (row) => element("code", { title: row.vendor }, row.source),
    State: (row) => {
      if (row.failure) return element("span", { class: "pill bad", title: row.failure }, "failed");
      const droppedLast = row.dropped_at && (!row.asked_at || row.dropped_at > row.asked_at);
      return droppedLast ? element("span", { class: "pill warn", title: "Left out to keep the quota for what is worth more." }, "dropped") : element("span", { class: "pill good" }, "answered");
    },
    "Last good": (row) => (row.age_seconds === null ? "never" : `${duration(row.age_seconds)} ago`),
    "This month": (row) => `${row.answered.toLocaleString()} of ${row.asked.toLocaleString()}`,
    Dropped: (row) => row.dropped.toLocaleString(),
  }, { title: "Sources of readings" });
}

export function showMoney(money) {
  at("books").className = `pill ${money.agrees ? "good" : "bad"}`;
  at("books").textContent = money.agrees ? "the books agree" : "the books differ";
  const entries = money.entries.map((row) => fact(`${row.kind}s, 24 h`, row.credits_day.toLocaleString(), `${plural(row.entries_day, "entry", "entries")}; ${row.credits.toLocaleString()} ever`));
  at("money").replaceChildren(
    element(
      "dl",
      { class: "facts-list" },
      fact("All balances", money.balance.toLocaleString(), `of ${plural(money.accounts, "account")}; the entries add up to ${money.entries_sum.toLocaleString()}`),
      fact("Held", money.holds.credits.toLocaleString(), money.holds.holds ? `${plural(money.holds.holds, "request")}, the oldest for ${duration(money.holds.oldest_age_seconds)}${money.holds.overdue ? `; ${money.holds.overdue} overdue` : ""}` : "no request is under way"),
      ...entries,
    ),
    ...(money.differences.length
      ? [element("div", { class: "wide" }, table(money.differences, { User: (row) => element("code", {}, row.user_id), Balance: (row) => String(row.balance), "Sum of entries": (row) => String(row.entries), Held: (row) => String(row.held), "Open holds": (row) => String(row.holds) }))]
      : []),
  );
}

function fact(name, value, note) {
  return element("div", {}, element("dt", { class: "soft small" }, name), element("dd", {}, element("span", { class: "figure number" }, value), element("span", { class: "soft small" }, note)));
}

export function showCron(runs) {
  const schedules = new Map();
  for (const run of runs) {
    const key = `${run.database} ${run.job_name}`;
    if (!schedules.has(key)) schedules.set(key, []);
    schedules.get(key).push(run);
  }
  const rows = [...schedules.values()].sort((one, other) => (one[0].database + one[0].job_name).localeCompare(other[0].database + other[0].job_name));
  fill(at("cron"), "There are no schedules.", rows, {
    Schedule: ([newest]) => element("code", {}, newest.job_name),
    Database: ([newest]) => newest.database,
    Cron: ([newest]) => element("code", { class: "soft" }, newest.schedule),
    "Last run": ([newest]) => (newest.started_at ? `${duration(newest.age_seconds)} ago` : "not yet"),
    Runs: (all) => element("span", { class: "runs" }, [...all].reverse().filter((run) => run.started_at).map(runMark)),
    Result: ([newest]) => (newest.status === "failed" ? element("span", { class: "pill bad" }, newest.message ?? "failed") : (newest.status ?? "–")),
  }, { title: "Schedules" });
}

function runMark(run) {
  const tone = { succeeded: "good", failed: "bad" }[run.status] ?? "warn";
  const told = `${run.status} · ${new Date(run.started_at).toLocaleString()}${run.message ? ` · ${run.message}` : ""}`;
  return element("i", { class: tone, title: told, role: "img", "aria-label": told });
}

export function showErrors(errors) {
  fill(at("errors"), "No errors. Nothing unexpected has happened lately.", errors, {
    When: (error) => moment(error.occurred_at),
    Service: (error) => error.service,
    Code: (error) => element("code", {}, error.code),
    What: (error) => error.message,
    Where: (error) => (error.request_id ? element("code", {}, `request ${error.request_id}`) : error.queue ? element("code", {}, `${error.queue} #${error.msg_id ?? "?"}`) : "–"),
  }, { wide: ["What"], title: "Recent errors" });
}

/** Intents and results of one action become one line; an intent without a result is what somebody should look at. */
export function showAudit(rows) {
  const results = new Map(rows.filter((row) => row.result_of !== null).map((row) => [row.result_of, row]));
  const known = new Set(rows.map((row) => row.id));
  const lines = rows.filter((row) => row.result_of === null || !known.has(row.result_of)).map((row) => ({ intent: row, result: results.get(row.id) ?? null }));
  fill(at("audit"), "Nobody has changed anything by hand yet.", lines, {
    When: ({ intent }) => moment(intent.created_at),
    Who: ({ intent }) => element("span", { title: [intent.ip, intent.user_agent].filter(Boolean).join(" · ") }, person(intent.actor)),
    What: ({ intent }) => element("code", {}, intent.action.replace(/_(requested|done|failed)$/, "")),
    On: ({ intent }) => element("code", { class: "soft" }, intent.entity),
    Result: (line) => ending(line),
    Details: ({ intent, result }) => element("code", { class: "soft" }, JSON.stringify(result?.new ?? intent.new)),
  }, { wide: ["Details"], title: "Audit" });
}

function person(actor) {
  return actor.replace(/^user:[0-9a-f-]+ /, "");
}

function ending({ intent, result }) {
  const action = (result ?? intent).action;
  if (action.endsWith("_failed")) return element("span", { class: "pill bad" }, "failed");
  if (action.endsWith("_requested")) return element("span", { class: "pill warn", title: "It may have happened: look at what it names." }, "result unknown");
  return element("span", { class: "pill good" }, "done");
}

export function showHorizon(horizon) {
  const isOld = horizon !== null && horizon.age_seconds > SILENT_SECONDS;
  at("horizon").hidden = !isOld;
  if (isOld) at("horizon").textContent = `A transaction of ${horizon.application_name || "somebody"} (pid ${horizon.pid}, ${horizon.state}) is open for ${duration(horizon.age_seconds)}. Until it ends, vacuum cannot clear the queues.`;
}
