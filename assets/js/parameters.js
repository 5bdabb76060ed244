// The settings of the chosen backend, drawn from what it says it can do.
import { fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { rememberComposer, store } from "./store.js";
import { spoken } from "./words.js";

const LOCKS = [["auto", "Keep, unless most of it changed"], ["always", "Always keep"], ["off", "Take the model's whole picture"]];

export function parameterPanel() {
  const element = h("div", { class: "kx-parameters", hidden: true, id: "kx-parameters" });
  const button = iconButton(icon("settings"), "Settings of this edit", toggle, { "aria-expanded": "false", "aria-controls": "kx-parameters" });

  function toggle() {
    element.hidden = !element.hidden;
    button.setAttribute("aria-expanded", String(!element.hidden));
    draw();
  }

  function change(name, value) {
    const parameters = { ...store.draft.parameters };
    if (value === null || value === "" || Number.isNaN(value)) delete parameters[name];
    else parameters[name] = value;
    store.setDraft({ parameters });
  }

  function draw() {
    if (element.hidden || element.contains(document.activeElement)) return;
    const backend = store.backend();
    if (!backend) return;
    fill(element,
      h("h2", {}, backend.model),
      backend.notes.map((note) => h("p", { class: "kx-muted" }, note)),
      betterHere(backend),
      backend.full_resolution ? null : [lockField(), characterField(), preserveField()],
      backend.parameters.map((parameter) => field(parameter, change)),
      Object.entries(backend.unsupported).length > 0 && h("details", { class: "kx-details" },
        h("summary", {}, "Not available here"),
        h("dl", {}, Object.entries(backend.unsupported).map(([name, why]) => [h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, why)]))));
  }

  return { element, button, draw };
}

/** An engine of this machine that would come first, and what it lacks. */
function betterHere(backend) {
  const all = store.tier()?.backends || [];
  const better = all.slice(0, all.findIndex((one) => one.id === backend.id)).filter((one) => !one.ready && !one.takes_key).at(-1);
  return better && h("p", { class: "kx-muted" }, spoken(`${better.label} is used instead once it is ready. ${better.reason} ${better.hint}`));
}

function lockField() {
  return h("label", { class: "kx-field" }, h("span", {}, "Untouched pixels"),
    h("select", { onchange: (event) => store.setDraft({ lock: event.target.value }) },
      LOCKS.map(([value, label]) => h("option", { value, selected: store.draft.lock === value }, label))));
}

const LIKENESS = [["", "when the instruction names a person"], ["yes", "always"], ["no", "never"]];

function characterField() {
  const now = { true: "yes", false: "no" }[store.draft.keep_character] || "";
  return h("label", { class: "kx-field" }, h("span", {}, "Ask the model to keep a person's looks"),
    h("select", { onchange: (event) => store.setDraft({ keep_character: { yes: true, no: false }[event.target.value] ?? null }) },
      LIKENESS.map(([value, label]) => h("option", { value, selected: value === now }, label))));
}

/** The clause that it adds is shown with the exact prompt. */
function preserveField() {
  const box = h("input", { type: "checkbox", role: "switch", id: "kx-preserve", onchange: () => { store.setDraft({ preserve: box.checked }); rememberComposer(); } });
  box.checked = Boolean(store.draft.preserve);
  return h("label", { class: "kx-check" }, box, "Ask the model to keep everything else");
}

function field(parameter, change) {
  const value = store.draft.parameters[parameter.name];
  return h("label", { class: "kx-field" }, h("span", {}, parameter.label), control(parameter, value, change),
    parameter.help && h("small", { class: "kx-muted" }, parameter.help));
}

function control(parameter, value, change) {
  const { name, kind, choices } = parameter;
  if (kind === "bool") {
    const box = h("input", { type: "checkbox", onchange: (event) => change(name, event.target.checked) });
    box.checked = value ?? Boolean(parameter.default);
    return box;
  }
  if (kind === "choice") {
    return h("select", { onchange: (event) => change(name, event.target.value || null) },
      h("option", { value: "" }, parameter.default ? `usual (${parameter.default})` : "usual"),
      choices.map((choice) => h("option", { value: choice, selected: choice === value }, choice)));
  }
  const number = kind === "int" || kind === "float";
  const none = parameter.default === null || parameter.default === undefined;
  const usual = !none ? `usual: ${parameter.default}` : name === "seed" ? "random" : "";
  const range = number && parameter.minimum !== null && parameter.maximum !== null ? `${parameter.minimum} to ${parameter.maximum}` : "";
  return h("input", {
    type: number ? "number" : "text", value: value ?? "", placeholder: [usual, range].filter(Boolean).join(", "),
    min: parameter.minimum, max: parameter.maximum, step: parameter.step ?? (kind === "float" ? "any" : 1),
    onchange: (event) => change(name, event.target.value === "" ? null : number ? Number(event.target.value) : event.target.value),
  });
}
