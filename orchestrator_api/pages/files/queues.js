// Cards of the queues: how each stands, how that went, and what can be done about it.
import { ask } from "/pages/ask.js";
import { chart } from "/pages/chart.js";
import { element } from "/pages/dom.js";
import { bytes, duration, moment, plural, pretty } from "/pages/format.js";
import { rate, sample, save } from "/pages/samples.js";
import { table } from "/pages/table.js";

const LOOK_ROWS = 50;

/** Draw a card for each queue. `changed` is called after an action. */
export function showQueues(place, overview, api, changed) {
  for (const queue of overview.queues) {
    const known = sample(queue, carriedOut(overview.workers, queue.name));
    const card = place.querySelector(`[data-queue="${queue.name}"]`) ?? place.appendChild(newCard(queue.name, api, changed));
    card.querySelector(".standing").replaceChildren(...standing(queue, known));
    const pause = card.querySelector("button.pause");
    pause.textContent = queue.paused_at ? "Resume" : "Pause";
    pause.setAttribute("aria-label", `${pause.textContent} ${queue.name}`);
    pause.dataset.verb = queue.paused_at ? "resume" : "pause";
  }
  const names = overview.queues.map((queue) => queue.name);
  for (const card of [...place.children]) if (!names.includes(card.dataset.queue)) card.remove();
  save();
}

/** The buttons are made once: a redraw must not take them from under a finger or a key. */
function newCard(name, api, changed) {
  const pause = element("button", { type: "button", class: "quiet small pause" });
  const look = element("button", { type: "button", class: "quiet small", "aria-label": `Messages of ${name}` }, "Messages");
  pause.addEventListener("click", () => pauseOrResume(name, pause, api, changed));
  look.addEventListener("click", () => lookInto(name, api, changed));
  return element("article", { class: "panel tile", "data-queue": name, "aria-label": name }, element("div", { class: "standing" }), element("div", { class: "actions" }, pause, look));
}

function standing(queue, known) {
  const aMinute = rate(known);
  const state = queue.paused_at
    ? element("span", { class: "pill warn", title: `by ${queue.paused_by} since ${new Date(queue.paused_at).toLocaleString()}` }, "paused")
    : element("span", { class: "pill good" }, "running");
  return [
    element("header", {}, element("h3", {}, queue.name), state),
    element(
      "p",
      { class: "headline" },
      element("span", { class: "value" }, queue.depth.toLocaleString()),
      element("span", { class: "soft small" }, queue.oldest_age_seconds === null ? "nothing is due" : `oldest due for ${duration(queue.oldest_age_seconds)}`),
      element("span", { class: "soft small number" }, aMinute === null ? "" : `${aMinute < 10 ? aMinute.toFixed(1) : Math.round(aMinute).toLocaleString()}/min`),
    ),
    element("dl", { class: "numbers small" }, numberOf("due", queue.due), numberOf("postponed", queue.postponed), numberOf("in flight", queue.in_flight), numberOf("dead", queue.dead, queue.dead ? "bad" : null)),
    chart("Depth", known, (one) => one.depth, (depth) => Math.round(depth).toLocaleString()),
    chart("Oldest due", known, (one) => one.age, duration),
    element("p", { class: "soft small" }, `${queue.total.toLocaleString()} sent · table ${bytes(queue.table_bytes)}, ${plural(queue.dead_tuples, "row")} to clear`),
  ];
}

function numberOf(name, count, tone = null) {
  return element("div", { class: tone }, element("dt", { class: "soft" }, name), element("dd", {}, count.toLocaleString()));
}

function carriedOut(workers, queue) {
  return workers.reduce((sum, worker) => sum + Object.values(worker.metrics[queue]?.endings ?? {}).reduce((all, count) => all + count, 0), 0);
}

async function pauseOrResume(name, button, api, changed) {
  const verb = button.dataset.verb;
  if (verb === "pause") {
    const question = { title: `Pause ${name}?`, text: "Workers finish what they have and take no new messages, through restarts too, until somebody resumes it.", yes: "Pause" };
    if (!(await ask(question))) return;
  }
  await api.act(button, `/v1/admin/queues/${name}/${verb}`, undefined, (answer) => {
    if (!answer.changed) return `${name} was ${answer.is_paused ? "paused" : "running"} already.`;
    return answer.is_paused ? `${name} is paused. Messages wait until it is resumed.` : `${name} hands out messages again.`;
  });
  changed();
}

async function lookInto(name, api, changed) {
  const close = element("button", { type: "button", class: "quiet" }, "Close");
  const purge = element("button", { type: "button", class: "harm quiet" }, "Purge …");
  const body = element("div", { class: "wide" }, element("p", { class: "soft" }, "Loading …"));
  const dialog = element("dialog", { class: "panel look", "aria-labelledby": "look-title" }, element("header", {}, element("h2", { id: "look-title" }, `Messages of ${name}`), close), body, element("div", { class: "actions" }, purge));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  purge.addEventListener("click", async () => {
    const question = { title: `Purge ${name}?`, text: "Deletes its messages for good, also those that are postponed or in flight. Dead letters stay.", yes: "Delete them", isHarmful: true, type: name };
    if (!(await ask(question))) return;
    const done = await api.act(purge, `/v1/admin/queues/${name}/purge`, { confirm: name }, (answer) =>
      `${plural(answer.purged, "message")} of ${name} deleted.${answer.purged === answer.limit ? " There may be more: purge again." : ""}`,
    );
    if (done) dialog.close();
    changed();
  });
  document.body.append(dialog);
  dialog.showModal();
  try {
    const page = await api.read(`/v1/admin/queues/${name}/messages?limit=${LOOK_ROWS}`);
    body.replaceChildren(page.items.length ? messages(page) : element("p", { class: "soft" }, "The queue is empty."));
  } catch (error) {
    body.replaceChildren(element("p", { class: "notice bad" }, error.message));
  }
}

function messages(page) {
  const tones = { due: "good", in_flight: "", postponed: "warn" };
  const columns = {
    Id: (row) => element("code", {}, String(row.msg_id)),
    State: (row) => element("span", { class: `pill ${tones[row.state]}` }, row.state.replace("_", " ")),
    Due: (row) => moment(row.due_at),
    Reads: (row) => String(row.read_count),
    Message: (row) => element("code", {}, pretty(row.message)),
    "Last failure": (row) => (row.failure_code ? [element("code", {}, row.failure_code), ` ${row.failure}`] : "–"),
  };
  const made = [table(page.items, columns, { wide: ["Message", "Last failure"] })];
  if (page.next) made.push(element("p", { class: "soft small" }, `The first ${LOOK_ROWS} in the order they are due.`));
  const all = document.createDocumentFragment();
  all.append(...made);
  return all;
}
