// The operators' page: signs in, then shows how everything stands while it is visible, and carries out what is asked.
import { Letters } from "/pages/letters.js";
import { NotOperator, OperatorApi } from "/pages/operator.js";
import { showAudit, showCron, showErrors, showHorizon, showMirror, showMoney, showProviders, showWorkers } from "/pages/panels.js";
import { showQueues } from "/pages/queues.js";
import { forget as forgetSamples } from "/pages/samples.js";
import { Session, SignInFailed } from "/pages/session.js";
import { forget as forgetTables } from "/pages/table.js";
import { element } from "/pages/dom.js";
import { version } from "/pages/format.js";

const REFRESH_MS = 4000;
// Adding up every entry of the ledger is not for every refresh.
const MONEY_MS = 60000;
const SAID_MS = 12000;
const ROWS = 50;

const at = (id) => document.getElementById(id);
let session;
let api;
let letters;
let timer;
let saidTimer;
let round = 0;
let moneyAt = 0;

start();

async function start() {
  try {
    const answer = await fetch("/config.json");
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    session = new Session(await answer.json());
    api = new OperatorApi(session, say);
    letters = new Letters(at("dead-letters"), at("letters-bar"), api, refresh);
  } catch (error) {
    at("loading").className = "notice bad";
    at("loading").textContent = `This page could not start (${error.message}). Reload it to try again.`;
    return;
  }
  at("sign-in").addEventListener("submit", signIn);
  for (const id of ["sign-out", "other-account"]) at(id).addEventListener("click", () => signOut());
  at("said-close").addEventListener("click", () => (at("said").hidden = true));
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
  forgetSamples();
  forgetTables();
  moneyAt = 0;
  at("said").hidden = true;
  at("sign-in-error").textContent = message;
  at("sign-in-error").hidden = !message;
  only("sign-in");
  at("email").focus();
}

async function refresh() {
  clearTimeout(timer);
  // After an action a refresh may begin while another runs; only the newest may draw.
  const mine = ++round;
  try {
    const isMoneyDue = Date.now() - moneyAt > MONEY_MS;
    const found = await Promise.all([
      api.read("/healthz", [503]),
      api.read("/v1/admin/queues"),
      api.read(letters.path),
      api.read("/v1/admin/outbox"),
      api.read("/v1/admin/providers"),
      api.read("/v1/admin/cron"),
      api.read(`/v1/admin/errors?limit=${ROWS}`),
      api.read(`/v1/admin/audit?limit=${ROWS}`),
      isMoneyDue ? api.read("/v1/admin/money") : null,
    ]);
    if (mine !== round) return;
    if (isMoneyDue) moneyAt = Date.now();
    at("trouble").hidden = true;
    const focused = document.activeElement;
    show(...found);
    // What had the focus went with what was done about it; the message of that is where to go on from.
    if (focused && !focused.isConnected && !at("said").hidden) at("said").focus({ preventScroll: true });
    only("dashboard");
  } catch (error) {
    if (mine !== round) return;
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

function only(id) {
  for (const part of ["loading", "sign-in", "not-operator", "dashboard"]) at(part).hidden = part !== id;
  at("sign-out").hidden = id !== "dashboard";
  at("who").hidden = id !== "dashboard" || !session.email;
  at("who").textContent = session.email;
}

const isShown = (id) => !at(id).hidden;

/** What came of an action, for eyes and screen readers. Good news leaves by itself. */
function say(text, tone) {
  clearTimeout(saidTimer);
  at("said").className = `notice said ${tone}`;
  // Shown first and filled then: screen readers tell of what changes in a region that is there.
  at("said").hidden = false;
  at("said-text").textContent = text;
  if (tone === "good") saidTimer = setTimeout(() => (at("said").hidden = true), SAID_MS);
}

function show(health, queues, dead, outbox, providers, cron, errors, audit, money) {
  const tone = { healthy: "good", degraded: "warn", unavailable: "bad" }[health.status];
  at("status").className = `pill ${tone}`;
  at("status").textContent = health.status;
  at("reasons").hidden = health.reasons.length === 0;
  at("reasons").replaceChildren(...health.reasons.map((reason) => element("li", {}, reason)));
  at("updated").textContent = `${new Date().toLocaleTimeString()} · commit ${version(health.commit)}`;
  showQueues(at("tiles"), queues, api, refresh);
  showHorizon(queues.horizon);
  letters.show(dead, queues.queues);
  count("dead-count", queues.queues.reduce((sum, queue) => sum + queue.dead, 0));
  count("parked-count", showMirror(outbox, api, refresh));
  showWorkers(queues.workers);
  showProviders(providers);
  showCron(cron.runs);
  showErrors(errors.items);
  showAudit(audit.items);
  if (money) showMoney(money);
}

function count(id, number) {
  at(id).hidden = !number;
  at(id).textContent = number.toLocaleString();
}
