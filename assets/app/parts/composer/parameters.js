// The settings of the chosen backend, drawn from what it says it can do.
import { checkbox, fill, h, iconButton, setState } from "../../core/dom.js";
import { words } from "../../core/format.js";
import { icon } from "../../core/icons.js";
import { rememberComposer } from "../../core/session.js";
import { spoken } from "../../core/spoken.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { Store } from "../../core/store.js" */
/** @import { BackendRow, EditDraft, Parameter, Parameters } from "../../core/types.d.ts" */

/** @type {[EditDraft["lock"], string][]} */
const LOCKS = [
  ["auto", "Auto"],
  ["always", "Always"],
  ["off", "Off"],
];
/** @type {[boolean | null, string][]} */
const LIKENESS = [
  [null, "Auto"],
  [true, "always"],
  [false, "never"],
];

/** @param {Page} page */
export function parameterPanel({ store }) {
  const element = h("div", { class: "kx-parameters", hidden: true, id: "kx-parameters" });
  const draw = () => {
    const backend = store.backend();
    if (element.hidden || !backend || element.contains(document.activeElement)) return;
    fill(element, panel(store, backend));
  };
  const toggle = () => {
    element.hidden = !element.hidden;
    setState(button, "expanded", !element.hidden);
    draw();
  };
  const props = { "aria-expanded": "false", "aria-controls": "kx-parameters" };
  const button = iconButton(icon("settings"), "Settings of this edit", toggle, props);
  return { element, button, draw };
}

/** @param {Store} store @param {BackendRow} backend */
function panel(store, backend) {
  const missing = Object.entries(backend.unsupported);
  return [
    h("h2", {}, backend.model),
    backend.notes.map((note) => h("p", { class: "kx-muted" }, note)),
    betterHere(store, backend),
    !backend.full_resolution && fieldsOfModels(store),
    backend.parameters.map((parameter) => field(store, parameter)),
    missing.length > 0 &&
      h(
        "details",
        { class: "kx-details" },
        h("summary", {}, "Not available here"),
        h(
          "dl",
          {},
          missing.map(([name, why]) => [h("dt", {}, words(name)), h("dd", {}, why)]),
        ),
      ),
  ];
}

/** An engine of this machine that would come first, and what it lacks. @param {Store} store @param {BackendRow} backend */
function betterHere(store, backend) {
  const all = store.offer()?.backends ?? [];
  const before = all.slice(
    0,
    all.findIndex((one) => one.id === backend.id),
  );
  const better = before.findLast((one) => !one.ready && !one.takes_key);
  if (!better) return null;
  const text = `${better.label} is used instead once it is ready. ${better.reason} ${better.hint}`;
  return h("p", { class: "kx-muted" }, spoken(text));
}

/** What only concerns backends that redraw the whole picture. @param {Store} store */
function fieldsOfModels(store) {
  const { draft } = store;
  const preserve = checkbox(
    draft.preserve,
    (on) => {
      store.setDraft({ preserve: on });
      rememberComposer();
    },
    { role: "switch", id: "kx-preserve" },
  );
  return [
    labelled(
      "Protect unchanged areas",
      chooser(LOCKS, draft.lock, (lock) => store.setDraft({ lock })),
    ),
    labelled(
      "Keep faces",
      chooser(LIKENESS, draft.keep_character, (keep_character) => store.setDraft({ keep_character })),
    ),
    h("label", { class: "kx-check" }, preserve, "Ask the model to keep everything else"),
  ];
}

/** @param {string} label @param {HTMLElement} control @param {string} help */
function labelled(label, control, help = "") {
  return h(
    "label",
    { class: "kx-field" },
    h("span", {}, label),
    control,
    help && h("small", { class: "kx-muted" }, help),
  );
}

/**
 * @template T
 * @param {[T, string][]} choices
 * @param {T} chosen
 * @param {(value: T) => void} change
 */
function chooser(choices, chosen, change) {
  const options = choices.map(([value, label], index) =>
    h("option", { value: index, selected: value === chosen }, label),
  );
  /** @type {HTMLSelectElement} */
  const field = h("select", { onchange: () => change(choices[field.selectedIndex][0]) }, options);
  return field;
}

/** @param {Store} store @param {Parameter} parameter */
function field(store, parameter) {
  const name = /** @type {keyof Parameters} */ (parameter.name);
  /** @param {unknown} value */
  const change = (value) => store.setDraft({ parameters: { ...store.draft.parameters, [name]: value } });
  return labelled(parameter.label, control(parameter, store.draft.parameters[name] ?? null, change), parameter.help);
}

/**
 * @param {Parameter} parameter
 * @param {unknown} value
 * @param {(value: unknown) => void} change
 */
function control(parameter, value, change) {
  if (parameter.kind === "bool") return checkbox(Boolean(value ?? parameter.default), change);
  if (parameter.kind === "choice") {
    const usual = parameter.default ? `Default (${parameter.default})` : "Default";
    /** @type {[string | null, string][]} */
    const choices = [
      [null, usual],
      ...parameter.choices.map((choice) => /** @type {[string, string]} */ ([choice, choice])),
    ];
    return chooser(choices, /** @type {string | null} */ (value), change);
  }
  const number = isNumber(parameter);
  /** @type {HTMLInputElement} */
  const input = h("input", {
    type: number ? "number" : "text",
    value: value ?? "",
    placeholder: placeholder(parameter),
    min: parameter.minimum,
    max: parameter.maximum,
    step: parameter.step ?? (parameter.kind === "float" ? "any" : 1),
    onchange: () => change(typedValue(parameter, input.value)),
  });
  return input;
}

/** @param {Pick<Parameter, "kind">} parameter */
const isNumber = ({ kind }) => kind === "int" || kind === "float";

/**
 * What was typed, as it is sent; `null` for the backend's own choice.
 * @param {Pick<Parameter, "kind">} parameter
 * @param {string} typed
 */
export function typedValue(parameter, typed) {
  if (typed === "") return null;
  if (!isNumber(parameter)) return typed;
  return Number.isNaN(Number(typed)) ? null : Number(typed);
}

/** @param {Parameter} parameter */
function placeholder(parameter) {
  const { name, minimum, maximum } = parameter;
  const own = parameter.default ?? null;
  const usual = own !== null ? `Default: ${own}` : name === "seed" ? "random" : "";
  const range = isNumber(parameter) && minimum !== null && maximum !== null ? `${minimum} to ${maximum}` : "";
  return [usual, range].filter(Boolean).join(", ");
}
