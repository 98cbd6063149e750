// Dead letters: expandable, selectable, to be retried or discarded.
import { ask } from "/pages/ask.js";
import { element } from "/pages/dom.js";
import { duration, moment, plural, pretty } from "/pages/format.js";

const ROWS = 50;
// The API takes at most this many at once.
const LETTERS_MAX = 200;

export class Letters {
  #place;
  #bar;
  #api;
  #changed;
  #selected = new Set();
  #nodes = new Map();
  #items = [];
  #next = null;
  #extra = [];
  #more = null;
  #queue = "";
  #queues = "";

  constructor(place, bar, api, changed) {
    this.#place = place;
    this.#bar = bar;
    this.#api = api;
    this.#changed = changed;
    this.#makeBar();
  }

  get path() {
    return `/v1/admin/dead-letters?limit=${ROWS}${this.#queue ? `&queue=${this.#queue}` : ""}`;
  }

  show(page, queues) {
    this.#offer(queues);
    const newest = new Set(page.items.map(keyOf));
    // Pages that were asked for stay below the first, which is read anew each time; what is gone from it is gone.
    const oldest = page.items.at(-1);
    this.#extra = page.next && oldest ? this.#extra.filter((row) => !newest.has(keyOf(row)) && row.buried_at <= oldest.buried_at) : [];
    if (!this.#extra.length) this.#next = page.next;
    this.#items = [...page.items, ...this.#extra];
    this.#draw();
  }

  #makeBar() {
    const filter = element("select", { "aria-label": "Queue of the dead letters" }, element("option", { value: "" }, "All queues"));
    const all = element("input", { type: "checkbox", id: "letters-all" });
    const retry = element("button", { type: "button", class: "small", disabled: true }, "Retry");
    const discard = element("button", { type: "button", class: "small quiet harm", disabled: true }, "Discard");
    filter.addEventListener("change", () => {
      this.#queue = filter.value;
      this.#selected.clear();
      this.#extra = [];
      this.#changed();
    });
    all.addEventListener("change", () => {
      this.#selected = new Set(all.checked ? this.#items.map(keyOf) : []);
      for (const [key, node] of this.#nodes) node.querySelector("input").checked = this.#selected.has(key);
      this.#count();
    });
    retry.addEventListener("click", () => this.#act("retry", retry, this.#chosen()));
    discard.addEventListener("click", () => this.#act("discard", discard, this.#chosen()));
    this.#bar.replaceChildren(element("label", { class: "check" }, all, element("span", {}, "All shown")), filter, element("span", { class: "actions" }, retry, discard));
  }

  #offer(queues) {
    const names = queues.map((queue) => queue.name).join(" ");
    if (names === this.#queues) return;
    this.#queues = names;
    const filter = this.#bar.querySelector("select");
    filter.replaceChildren(element("option", { value: "" }, "All queues"), ...queues.map((queue) => element("option", { value: queue.name, selected: queue.name === this.#queue }, queue.name)));
  }

  #chosen() {
    return this.#items.filter((row) => this.#selected.has(keyOf(row)));
  }

  #draw() {
    const known = new Set(this.#items.map(keyOf));
    for (const keys of [this.#selected, this.#nodes]) for (const key of [...keys.keys()]) if (!known.has(key)) keys.delete(key);
    this.#bar.hidden = !this.#items.length && !this.#queue;
    if (this.#items.length) {
      this.#place.className = "letters";
      // Letters never change: what is drawn stays where it is, open or closed, and keeps the focus.
      for (const row of this.#items) if (!this.#nodes.has(keyOf(row))) this.#nodes.set(keyOf(row), this.#letter(row));
      arrange(this.#place, [...this.#items.map((row) => this.#nodes.get(keyOf(row))), ...(this.#next ? [this.#older()] : [])]);
    } else {
      this.#place.className = "empty";
      this.#place.replaceChildren(this.#queue ? `${this.#queue} has no dead letters.` : "No dead letters. Every message could be carried out.");
    }
    this.#count();
  }

  #count() {
    const count = this.#selected.size;
    const [retry, discard] = this.#bar.querySelectorAll("button");
    retry.textContent = count ? `Retry ${count.toLocaleString()}` : "Retry";
    discard.textContent = count ? `Discard ${count.toLocaleString()}` : "Discard";
    retry.disabled = discard.disabled = !count;
    const all = this.#bar.querySelector("input");
    all.checked = count > 0 && count === this.#items.length;
    all.indeterminate = count > 0 && count < this.#items.length;
  }

  #letter(row) {
    const key = keyOf(row);
    const box = element("input", { type: "checkbox", "aria-label": `Select letter ${row.msg_id} of ${row.queue}`, checked: this.#selected.has(key) });
    box.addEventListener("change", () => {
      if (box.checked) this.#selected.add(key);
      else this.#selected.delete(key);
      this.#count();
    });
    const details = element(
      "details",
      {},
      element(
        "summary",
        {},
        element("span", { class: "what" }, element("code", { class: "pill bad" }, row.code ?? "unreadable"), element("span", { class: "why" }, row.error || "No reason was written down.")),
        element("span", { class: "soft small where" }, element("code", {}, `${row.queue} #${row.msg_id}`), " · ", moment(row.buried_at)),
      ),
      this.#inside(row),
    );
    return element("div", { class: "letter" }, box, details);
  }

  #inside(row) {
    const retry = element("button", { type: "button", class: "small", disabled: !row.can_retry, title: row.can_retry ? null : "It holds no original that could be sent again." }, "Retry");
    const discard = element("button", { type: "button", class: "small quiet harm" }, "Discard");
    retry.addEventListener("click", () => this.#act("retry", retry, [row]));
    discard.addEventListener("click", () => this.#act("discard", discard, [row]));
    const facts = [
      row.attempts !== null && plural(row.attempts, "attempt"),
      row.first_failed_at && ["first failed ", moment(row.first_failed_at)],
      row.last_failed_at && ["last ", moment(row.last_failed_at)],
      `buried ${duration((Date.now() - new Date(row.buried_at)) / 1000)} ago`,
    ].filter(Boolean);
    return element(
      "div",
      { class: "inside" },
      element("p", { class: "soft small" }, facts.flatMap((fact, index) => (index ? [" · ", fact] : [fact])).flat()),
      element("h4", {}, "Message"),
      element("pre", { tabindex: "0" }, pretty(row.original)),
      row.traceback && element("h4", {}, "Traceback"),
      row.traceback && element("pre", { tabindex: "0" }, row.traceback),
      element("div", { class: "actions" }, retry, discard),
    );
  }

  #older() {
    return (this.#more ??= this.#makeOlder());
  }

  #makeOlder() {
    const button = element("button", { type: "button", class: "quiet small" }, "Older ones");
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const page = await this.#api.read(`${this.path}&cursor=${this.#next}`);
        this.#extra = [...this.#extra, ...page.items];
        this.#items = [...this.#items, ...page.items];
        this.#next = page.next;
        button.textContent = "Older ones";
        this.#draw();
      } catch (error) {
        button.textContent = `${error.message} Try again`;
      } finally {
        button.disabled = false;
      }
    });
    return element("div", { class: "more" }, button);
  }

  async #act(verb, button, rows) {
    const chosen = rows.slice(0, LETTERS_MAX);
    const isRetry = verb === "retry";
    const question = {
      title: `${isRetry ? "Retry" : "Discard"} ${plural(chosen.length, "dead letter")}?`,
      text: isRetry ? "Each message goes back to its queue as a new one and is tried again at once." : "Their work will not be done. The letters stay in the archive until it is pruned.",
      yes: isRetry ? "Retry" : "Discard",
      isHarmful: !isRetry,
    };
    if (!(await ask(question))) return;
    for (const [queue, letters] of grouped(chosen)) {
      const done = await this.#api.act(button, `/v1/admin/dead-letters/${queue}/${verb}`, { msg_ids: letters.map((row) => row.msg_id) }, (answer) => {
        const left = answer.asked - answer.done;
        const told = `${answer.done.toLocaleString()} of ${plural(answer.asked, "letter")} of ${queue} ${isRetry ? "sent again" : "put aside"}.`;
        return left ? `${told} The other ${left === 1 ? "one was" : `${left} were`} gone already${isRetry ? ", or held no message" : ""}.` : told;
      });
      if (done) for (const row of letters) this.#selected.delete(keyOf(row));
    }
    this.#extra = [];
    this.#changed();
  }
}

/** Put these nodes there in this order, and move only those that are elsewhere. */
function arrange(place, nodes) {
  const wanted = new Set(nodes);
  for (const node of [...place.childNodes]) if (!wanted.has(node)) node.remove();
  nodes.forEach((node, index) => {
    if (place.childNodes[index] !== node) place.insertBefore(node, place.childNodes[index] ?? null);
  });
}

function grouped(rows) {
  const found = new Map();
  for (const row of rows) found.set(row.queue, [...(found.get(row.queue) ?? []), row]);
  return found;
}

function keyOf(row) {
  return `${row.queue}/${row.msg_id}`;
}
