// The operators' page: signs in, then shows queues, workers, schedules, errors and dead letters while it is visible.
import { element } from "/pages/dom.js";
import { Session, SignInFailed } from "/pages/session.js";

const REFRESH_MS = 4000;
const POINTS_MAX = 90;
const ROWS = 50;

const at = (id) => document.getElementById(id);
const history = new Map();
const shown = new Map();
let session;
let timer;

class NotOperator extends Error {}

start();

async function start() {
  try {
    const answer = await fetch("/config.json");
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    session = new Session(await answer.json());
  } catch (error) {
    at("loading").className = "notice bad";
    at("loading").textContent = `This page could not start (${error.message}). Reload it to try again.`;
    return;
  }
  at("sign-in").addEventListener("submit", signIn);
  for (const id of ["sign-out", "other-account"]) at(id).addEventListener("click", () => signOut());
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : isShown("dashboard") && refresh()));
  if (session.canResume) await refresh();
  else only("sign-in");
}

async function signIn(event) {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  at("sign-in-error").hidden = true;
  try {
    await session.signIn(at("email").value.trim(), at("password").value);
    at("password").value = "";
    await refresh();
  } catch (error) {
    at("sign-in-error").textContent = error instanceof SignInFailed ? error.message : "The auth server cannot be reached. Try again in a moment.";
    at("sign-in-error").hidden = false;
  } finally {
    button.disabled = false;
  }
}

function signOut(message = "") {
  clearTimeout(timer);
  session.signOut();
  history.clear();
  shown.clear();
  at("sign-in-error").textContent = message;
  at("sign-in-error").hidden = !message;
  only("sign-in");
  at("email").focus();
}

async function refresh() {
  clearTimeout(timer);
  try {
    const [health, queues, cron, errors, letters] = await Promise.all([
      read("/healthz", [503]),
      read("/v1/admin/queues"),
      read("/v1/admin/cron"),
      read(`/v1/admin/errors?limit=${ROWS}`),
      read(`/v1/admin/dead-letters?limit=${ROWS}`),
    ]);
    at("trouble").hidden = true;
    show(health, queues, cron, errors, letters);
    only("dashboard");
  } catch (error) {
    if (error instanceof SignInFailed) return signOut(error.message);
    if (error instanceof NotOperator) {
      at("not-operator-who").textContent = session.email || "This account";
      return only("not-operator");
    }
    at("trouble").textContent = `The numbers could not be refreshed (${error.message}). Trying again.`;
    at("trouble").hidden = false;
    only("dashboard");
  }
  if (!document.hidden) timer = setTimeout(refresh, REFRESH_MS);
}

async function read(path, alsoFine = []) {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${await session.token()}` } });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok || alsoFine.includes(answer.status)) return body;
  if (answer.status === 401) throw new SignInFailed("Your session has ended. Sign in again.");
  if (answer.status === 403) throw new NotOperator(body.message);
  throw new Error(body.message ?? `status ${answer.status}`);
}

function only(id) {
  for (const part of ["loading", "sign-in", "not-operator", "dashboard"]) at(part).hidden = part !== id;
  at("sign-out").hidden = id !== "dashboard";
  at("who").hidden = id !== "dashboard" || !session.email;
  at("who").textContent = session.email;
}

const isShown = (id) => !at(id).hidden;

function show(health, queues, cron, errors, letters) {
  const tone = { healthy: "good", degraded: "warn", unavailable: "bad" }[health.status];
  at("status").className = `pill ${tone}`;
  at("status").textContent = health.status;
  at("reasons").hidden = health.reasons.length === 0;
  at("reasons").replaceChildren(...health.reasons.map((reason) => element("li", {}, reason)));
  at("updated").textContent = `${new Date().toLocaleTimeString()} · commit ${version(health.commit)}`;
  at("tiles").replaceChildren(...queues.queues.map(tile));
  showWorkers(queues.workers);
  showCron(cron.runs);
  showErrors(errors.items);
  showLetters(letters.items);
}

function tile(queue) {
  const points = history.get(queue.name) ?? [];
  points.push(queue.depth);
  history.set(queue.name, points.slice(-POINTS_MAX));
  return element(
    "div",
    { class: "panel tile" },
    element("span", { class: "soft small" }, queue.name),
    element("span", { class: "value" }, queue.depth.toLocaleString()),
    curve(history.get(queue.name)),
    element(
      "div",
      { class: "facts small soft" },
      element("span", {}, queue.oldest_age_seconds === null ? "nothing waits" : `oldest ${duration(queue.oldest_age_seconds)}`),
      queue.dead ? element("span", { class: "pill bad" }, `${queue.dead} dead`) : element("span", {}, `${queue.total.toLocaleString()} sent`),
    ),
  );
}

function curve(points) {
  const highest = Math.max(1, ...points);
  const step = 100 / Math.max(1, POINTS_MAX - 1);
  const offset = POINTS_MAX - points.length;
  const line = points.map((depth, index) => `${((offset + index) * step).toFixed(2)},${(30 - (28 * depth) / highest).toFixed(2)}`).join(" ");
  const first = (offset * step).toFixed(2);
  const svg = svgElement("svg", { viewBox: "0 0 100 31", preserveAspectRatio: "none", role: "img", "aria-label": `Depth over time, highest ${highest}` });
  svg.append(svgElement("line", { x1: 0, y1: 30, x2: 100, y2: 30 }));
  svg.append(svgElement("polygon", { points: `${first},31 ${line} 100,31` }), svgElement("polyline", { points: line }));
  return svg;
}

function svgElement(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function showWorkers(workers) {
  fill("workers", "No worker has reported. Without one, nothing is ingested and no signal is computed.", workers, {
    Worker: (worker) => element("code", {}, worker.worker_id),
    State: (worker) => {
      if (worker.beat_age_seconds > 60) return element("span", { class: "pill bad" }, "silent");
      return worker.progress_age_seconds > 180 ? element("span", { class: "pill warn" }, "stalled") : element("span", { class: "pill good" }, "working");
    },
    "Last beat": (worker) => `${duration(worker.beat_age_seconds)} ago`,
    "Running for": (worker) => duration((Date.now() - new Date(worker.started_at)) / 1000),
    Done: (worker) => endings(worker, "done").toLocaleString(),
    Version: (worker) => version(worker.version),
  });
}

function endings(worker, name) {
  return Object.values(worker.metrics).reduce((sum, queue) => sum + (queue?.endings?.[name] ?? 0), 0);
}

function showCron(runs) {
  const schedules = new Map();
  for (const run of runs) {
    const key = `${run.database} ${run.job_name}`;
    if (!schedules.has(key)) schedules.set(key, []);
    schedules.get(key).push(run);
  }
  const rows = [...schedules.values()].sort((one, other) => (one[0].database + one[0].job_name).localeCompare(other[0].database + other[0].job_name));
  fill("cron", "There are no schedules.", rows, {
    Schedule: ([newest]) => element("code", {}, newest.job_name),
    Database: ([newest]) => newest.database,
    Cron: ([newest]) => element("code", { class: "soft" }, newest.schedule),
    "Last run": ([newest]) => (newest.started_at ? `${duration(newest.age_seconds)} ago` : "not yet"),
    Runs: (all) => element("span", { class: "runs" }, [...all].reverse().filter((run) => run.started_at).map(runMark)),
    Result: ([newest]) => (newest.status === "failed" ? element("span", { class: "pill bad" }, newest.message ?? "failed") : (newest.status ?? "–")),
  });
}

function runMark(run) {
  const tone = { succeeded: "good", failed: "bad" }[run.status] ?? "warn";
  return element("i", { class: tone, title: `${run.status} · ${new Date(run.started_at).toLocaleString()}${run.message ? ` · ${run.message}` : ""}` });
}

function showErrors(errors) {
  fill("errors", "No errors. Nothing unexpected has happened lately.", errors, {
    When: (error) => moment(error.occurred_at),
    Service: (error) => error.service,
    Code: (error) => element("code", {}, error.code),
    What: (error) => error.message,
    Where: (error) => (error.request_id ? element("code", {}, `request ${error.request_id}`) : error.queue ? element("code", {}, `${error.queue} #${error.msg_id ?? "?"}`) : "–"),
  });
}

function showLetters(letters) {
  fill("dead-letters", "No dead letters. Every message could be carried out.", letters, {
    When: (letter) => moment(letter.buried_at),
    Queue: (letter) => element("code", {}, letter.queue),
    Why: (letter) => [letter.code && element("code", {}, letter.code), letter.error ? ` ${letter.error}` : ""],
    Attempts: (letter) => letter.attempts ?? "–",
    Original: (letter) => element("code", {}, JSON.stringify(letter.original)),
  });
}

/** Fills a panel with a table, or with a sentence when there are no rows. Columns are functions from a row to content. */
function fill(id, empty, rows, columns) {
  const place = at(id);
  // What has not changed stays, and with it whatever somebody has selected to copy.
  const text = JSON.stringify(rows);
  if (shown.get(id) === text) return;
  shown.set(id, text);
  if (!rows.length) {
    place.className = "empty";
    place.replaceChildren(empty);
    return;
  }
  const names = Object.keys(columns);
  place.className = "wide";
  place.replaceChildren(
    element(
      "table",
      { class: "cards" },
      element("thead", {}, element("tr", {}, names.map((name) => element("th", {}, name)))),
      element(
        "tbody",
        {},
        rows.map((row) =>
          element("tr", {}, names.map((name) => element("td", { "data-label": name, class: ["What", "Why", "Original"].includes(name) ? "break" : null }, element("span", {}, columns[name](row))))),
        ),
      ),
    ),
  );
}

function moment(text) {
  const when = new Date(text);
  const isToday = when.toDateString() === new Date().toDateString();
  return element("time", { datetime: text, title: when.toISOString(), class: "number" }, isToday ? when.toLocaleTimeString() : when.toLocaleString());
}

/** Commits in short; anything else as it is. */
function version(text) {
  return /^[0-9a-f]{40}$/.test(text) ? text.slice(0, 10) : text;
}

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  if (whole < 5400) return `${Math.round(whole / 60)} min`;
  return whole < 172800 ? `${Math.round(whole / 3600)} h` : `${Math.round(whole / 86400)} d`;
}
