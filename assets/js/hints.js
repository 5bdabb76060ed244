// One gentle sentence on the instruction that is being written. It never holds anything up.
import { debounce, fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { call, rememberComposer, store } from "./store.js";

const PAUSE_MS = 700;

/** `wire` gives the draft as the server reads it, `write` puts a text into the prompt. */
export function makeHints(wire, write) {
  const line = h("div", { class: "kx-hint", id: "kx-hint", role: "status", hidden: true });
  const dismissed = new Set();
  const ask = debounce(askNow, PAUSE_MS);
  let about = "";

  /** The text or what surrounds it has changed: an old hint would be about something else. */
  function refresh() {
    const { text } = store.draft;
    if (text !== about) hide();
    about = text;
    if (text.trim()) ask();
    else ask.cancel();
  }

  async function askNow() {
    if (!store.ready || !store.draft.text.trim()) return;
    const asked = store.draft.text;
    const answer = await call("hints", { draft: wire() }, { quiet: true });
    if (store.draft.text !== asked) return;
    const hint = (answer.result || []).find((one) => !dismissed.has(one.id));
    if (hint) show(hint);
    else hide();
  }

  function show(hint) {
    if (line.dataset.hint === hint.id && !line.hidden) return;
    line.dataset.hint = hint.id;
    fill(line, icon("idea"),
      h("span", { class: "kx-grow" }, hint.text, " ",
        hint.label && h("button", { type: "button", class: "kx-link", title: hint.replacement || null, onclick: () => apply(hint) }, hint.label)),
      iconButton(icon("close"), "Do not show this hint again", () => dismiss(hint)));
    line.hidden = false;
  }

  function hide() {
    line.hidden = true;
    delete line.dataset.hint;
    fill(line);
  }

  function apply(hint) {
    hide();
    if (hint.replacement) return write(hint.replacement);
    const { parameters, ...fields } = hint.settings;
    if (parameters) fields.parameters = "tier" in fields ? parameters : { ...store.draft.parameters, ...parameters };
    store.setDraft(fields);
    if ("preserve" in fields) rememberComposer();
    dispatchEvent(new CustomEvent("kx-prompt-focus"));
  }

  function dismiss(hint) {
    dismissed.add(hint.id);
    hide();
    ask();
    dispatchEvent(new CustomEvent("kx-prompt-focus"));
  }

  return { line, refresh };
}
