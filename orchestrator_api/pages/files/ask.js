// One question in a dialog, answered by a promise. The browser keeps the focus inside, Escape says no.
import { element } from "/pages/dom.js";

/** Ask before something happens; `type` is a word that must be typed first. Resolves to whether the answer is yes. */
export function ask({ title, text, yes, isHarmful = false, type = "" }) {
  return new Promise((resolve) => {
    const confirm = element("button", { type: "button", class: isHarmful ? "harm" : null, disabled: Boolean(type) }, yes);
    const cancel = element("button", { type: "button", class: "quiet" }, "Cancel");
    const word = type && element("input", { type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
    const dialog = element(
      "dialog",
      { class: "panel ask", "aria-labelledby": "ask-title", "aria-describedby": "ask-text" },
      element("h2", { id: "ask-title" }, title),
      element("p", { id: "ask-text", class: "soft" }, text),
      word && element("label", {}, element("span", {}, "Type ", element("code", {}, type), " to go ahead"), word),
      element("div", { class: "actions" }, cancel, confirm),
    );
    if (word) {
      word.addEventListener("input", () => (confirm.disabled = word.value.trim() !== type));
      word.addEventListener("keydown", (event) => event.key === "Enter" && !confirm.disabled && dialog.close("yes"));
    }
    confirm.addEventListener("click", () => dialog.close("yes"));
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    // What destroys is never one key press away.
    (word || (isHarmful ? cancel : confirm)).focus();
  });
}
