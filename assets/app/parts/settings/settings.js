// Budgets, and the backends with a visitor's own keys.
import { dialogOf } from "../../core/dialog.js";
import { button, checkbox, fill, h } from "../../core/dom.js";
import { dollars } from "../../core/format.js";
import { spoken } from "../../core/spoken.js";
import { notices } from "../notices.js";
import { accessKeys } from "./access_keys.js";
import { limits } from "./limits.js";
import { movingLink } from "./moving.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { BackendRow } from "../../core/types.d.ts" */
/** @typedef {{name: string, limit_usd: number | null, spent_usd: number}} Budget */
/** @typedef {BackendRow & {tiers: string[]}} Backend */

const ABOUT_KEYS = "Your key stays in memory, only for you, until you remove it or the server restarts.";

/** @param {Page} page @param {string | null} backend whose key field to begin at */
export async function openSettings(page, backend = null) {
  const backends = h("div", {});
  const budgets = h("div", {});
  const headed = [
    h("h3", {}, "Budgets"),
    budgets,
    limits(page),
    ...noticeSwitch(),
    h("h3", {}, "Providers"),
    h("p", { class: "kx-muted" }, ABOUT_KEYS),
  ];
  const dialog = dialogOf("Settings", [headed, backends, ...more(page)]);
  const fields = drawBackends(backends, page);
  const first = backend ? fields.get(backend) : null;
  first?.focus();
  const answer = await page.call("budgets");
  const rows = /** @type {Budget[]} */ (answer.result ?? []);
  fill(
    budgets,
    rows.map((budget) => budgetField(budget, page)),
    button("kx-link", "What was spent on what", () => {
      dialog.close();
      page.dialogs.spending();
    }),
  );
  first?.scrollIntoView({ block: "center" });
}

/** Whether long edits are told of when nobody looks; nothing where the browser cannot or must not. */
function noticeSwitch() {
  if (!notices.possible) return [];
  const change = async (/** @type {boolean} */ wanted) => {
    box.checked = await notices.set(wanted);
  };
  const box = checkbox(notices.on, change, { role: "switch", id: "kx-notices" });
  const about = "Tell me when an edit of more than 10 seconds is done and I am not looking";
  return [h("h3", {}, "Notifications"), h("label", { class: "kx-check" }, box, about)];
}

/** @param {Page} page */
function more(page) {
  return [h("h3", {}, "Another device"), movingLink(page), h("h3", {}, "Access keys"), accessKeys(page)];
}

/** @param {Budget} budget @param {Page} page */
function budgetField(budget, page) {
  const name = budget.name === "day" ? "Today, all projects" : "This project";
  let saved = String(budget.limit_usd ?? "");
  const save = async () => {
    const asked = field.value;
    const usd = asked === "" ? null : Number(asked);
    const answer = await page.call("set_budget", { name: budget.name, usd });
    if (!answer.error) saved = asked;
    else if (field.value === asked) field.value = saved;
  };
  /** @type {HTMLInputElement} */
  const field = h("input", {
    type: "number",
    min: 0,
    step: 0.5,
    placeholder: "No limit",
    value: saved,
    onchange: save,
  });
  return h("label", { class: "kx-field" }, h("span", {}, `${name}: ${dollars(budget.spent_usd)} spent`), field);
}

/** Each backend once, with the tiers that it serves. @param {Page} page @returns {Backend[]} */
function backendsOf({ store }) {
  /** @type {Map<string, Backend>} */
  const seen = new Map();
  for (const tier of store.tiers) {
    for (const backend of tier.backends) {
      const tiers = seen.get(backend.id)?.tiers ?? [];
      seen.set(backend.id, { ...backend, tiers: [...tiers, tier.label] });
    }
  }
  return [...seen.values()];
}

/**
 * @param {HTMLElement} place
 * @param {Page} page
 * @param {string | null} asked whose key has just been pasted
 * @returns {Map<string, HTMLInputElement>} the fields for keys by backend
 */
function drawBackends(place, page, asked = null) {
  /** @type {Map<string, HTMLInputElement>} */
  const fields = new Map();
  const rows = backendsOf(page).map((backend) => {
    const state = backend.ready ? "Ready." : spoken(`${backend.reason} ${backend.hint}`);
    const about = [h("b", {}, backend.label), " ", h("span", { class: "kx-muted" }, backend.tiers.join(", "))];
    const shown = h("div", { class: "kx-backend" }, about, h("p", { class: "kx-muted" }, state));
    if (!backend.takes_key) return shown;
    const checked = h("p", { class: "kx-muted kx-key-check", role: "status", "data-backend": backend.id });
    const { field, row } = keyRow(backend, page, (set) => drawBackends(place, page, set ? backend.id : null));
    fields.set(backend.id, field);
    shown.append(row, checked);
    if (backend.ready) drawKeyCheck(checked, backend, asked === backend.id, page);
    return shown;
  });
  fill(place, rows);
  return fields;
}

/** @param {Backend} backend @param {Page} page @param {(set: boolean) => unknown} changed */
function keyRow(backend, page, changed) {
  /** @param {string} action @param {object} message */
  const change = async (action, message) => {
    const answer = await page.call(action, { backend: backend.id, ...message });
    field.value = "";
    if (!answer.error) changed(action === "set_key");
  };
  const use = () => field.value.trim() && change("set_key", { key: field.value });
  /** @type {HTMLInputElement} */
  const field = h("input", {
    type: "password",
    placeholder: "Paste your own key",
    "aria-label": `Your key for ${backend.label}`,
    autocomplete: "off",
    onkeydown: (event) => event.key === "Enter" && use(),
  });
  const forget = backend.own_key && button("kx-link", "Remove key", () => change("forget_key", {}));
  return { field, row: h("div", { class: "kx-row" }, field, button("kx-button", "Use", use), forget) };
}

/**
 * Say what the provider thinks of the key. Unasked, only what is good to know: a refusal, or what is left.
 * @param {HTMLElement} place
 * @param {Backend} backend
 * @param {boolean} asked
 * @param {Page} page
 */
async function drawKeyCheck(place, backend, asked, page) {
  if (asked) place.textContent = "Asking whether the key is accepted…";
  const { result } = await page.call("check_key", { backend: backend.id }, { quiet: true });
  const worthTelling = result && (asked || result.state === "refused" || result.credit_usd !== null);
  place.textContent = worthTelling ? result.message : "";
  place.dataset.state = result?.state ?? "unknown";
}
