// An instruction put together from parts: what to do, with what, what it becomes, what stays.
import { debounce, fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { call, store } from "./store.js";

const COLOURS = ["red", "orange", "yellow", "green", "teal", "blue", "purple", "black", "white"];

/** `write` puts the finished sentence into the prompt. */
export function makeBuilder(write) {
  const button = iconButton(icon("build"), "Build an instruction from parts", toggle, { id: "kx-build", "aria-expanded": "false", "aria-controls": "kx-builder" });
  const action = h("select", { onchange: changed });
  const subject = h("input", { type: "text", maxlength: 200, autocomplete: "off", oninput: changed });
  const state = h("input", { type: "text", maxlength: 200, autocomplete: "off", oninput: changed });
  const stateLabel = h("span", {});
  const stateField = h("label", { class: "kx-field" }, stateLabel, state);
  const seen = h("div", { class: "kx-chips", role: "group", "aria-label": "Seen in this picture" });
  const colours = h("div", { class: "kx-chips", role: "group", "aria-label": "Colours" });
  const keep = h("div", { class: "kx-chips", role: "group", "aria-label": "What should stay" });
  const preview = h("output", { class: "kx-built", "aria-live": "polite" });
  const use = h("button", { type: "button", class: "kx-button kx-primary", disabled: true, onclick: finish }, "Write it");
  const element = h("div", { class: "kx-builder", id: "kx-builder", role: "group", "aria-label": "Build an instruction", hidden: true, onkeydown: keyed },
    h("div", { class: "kx-row" }, h("h2", { class: "kx-grow" }, "Build an instruction"), iconButton(icon("close"), "Close", close)),
    h("div", { class: "kx-pair" },
      h("label", { class: "kx-field" }, h("span", {}, "Action"), action),
      h("label", { class: "kx-field" }, h("span", {}, "Subject"), subject)), seen,
    stateField, colours,
    h("span", { class: "kx-field-name" }, "Keep"), keep,
    h("div", { class: "kx-build-end" }, preview, use));
  const ask = debounce(askNow, 120);
  const kept = new Set();
  let parts = null;
  let text = "";

  async function toggle() {
    if (!element.hidden) return close();
    parts ||= (await call("builder")).result;
    if (!parts) return;
    if (!action.children.length) fill(action, parts.actions.map((one) => h("option", { value: one.id }, one.label)));
    element.hidden = false;
    button.setAttribute("aria-expanded", "true");
    drawSeen();
    changed();
    action.focus();
  }

  function close() {
    element.hidden = true;
    button.setAttribute("aria-expanded", "false");
    button.focus();
  }

  function keyed(event) {
    if (event.key === "Escape") { event.stopPropagation(); close(); }
    if (event.key === "Enter" && event.target.matches("input") && !use.disabled) { event.preventDefault(); finish(); }
  }

  function finish() {
    if (!text) return;
    close();
    write(text);
  }

  const chosen = () => parts.actions.find((one) => one.id === action.value) || parts.actions[0];

  function changed() {
    const now = chosen();
    stateLabel.textContent = now.state_label;
    state.placeholder = now.example;
    stateField.hidden = !now.needs_state;
    subject.placeholder = now.needs_subject ? "" : "the picture";
    drawColours(now.id === "colour");
    drawKeep();
    for (const chip of seen.children) chip.setAttribute("aria-pressed", String(chip.dataset.name === subject.value));
    ask();
  }

  async function askNow() {
    const sentence = { action: action.value, subject: subject.value, state: chosen().needs_state ? state.value : "", preserve: [...kept] };
    const answer = await call("compose", { sentence }, { quiet: true });
    if (!answer.result) return;
    text = answer.result.text;
    use.disabled = !text;
    preview.textContent = text || "The sentence appears here.";
    preview.classList.toggle("kx-muted", !text);
  }

  function names() {
    const look = store.look;
    const things = (look?.things || []).map((thing) => thing.said);
    return [...things, look?.sky && "the sky", "the background", look?.subject && !things.length && "the main subject", ...(look?.words || []).map((word) => `"${word}"`)].filter(Boolean);
  }

  function drawSeen() {
    if (element.hidden) return;
    fill(seen, names().map((name) => chip(name, name === subject.value, () => {
      subject.value = name;
      if (name.startsWith('"')) action.value = "replace";
      changed();
      (stateField.hidden ? use : state).focus();
    })));
  }

  function drawColours(shown) {
    colours.hidden = !shown;
    if (shown) fill(colours, COLOURS.map((name) => chip(name, name === state.value, () => { state.value = name; changed(); use.focus(); })));
  }

  function drawKeep() {
    if (keep.children.length) return;
    fill(keep, parts.preservable.map((name) => chip(name, false, (event) => {
      if (!kept.delete(name)) kept.add(name);
      event.currentTarget.setAttribute("aria-pressed", String(kept.has(name)));
      ask();
    })));
  }

  store.subscribe(drawSeen, ["look"]);
  return { button, element };
}

function chip(name, pressed, onclick) {
  return h("button", { type: "button", class: "kx-chip kx-choice", "data-name": name, "aria-pressed": String(pressed), onclick }, name);
}
