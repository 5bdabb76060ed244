// Settings and help, as dialogs.
import { dialogOf } from "./dialog.js";
import { fill, h, price } from "./dom.js";
import { KEYS } from "./keys.js";
import { call, store } from "./store.js";
import { spoken } from "./words.js";

export function openHelp() {
  dialogOf("Keys", [
    h("dl", { class: "kx-keys" }, KEYS.map(([key, does]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)])),
    h("p", { class: "kx-muted" }, "Every result is kept as a version in the tree. Undo and redo only move along it; editing an earlier version grows a new branch.")]);
}

/** `backend` is whose key field to begin at. */
export async function openSettings(backend = null) {
  const backends = h("div", {});
  const budgets = h("div", {});
  dialogOf("Settings", [h("h3", {}, "Budgets"), budgets, h("h3", {}, "Backends"),
    h("p", { class: "kx-muted" }, "A key pasted here is kept in this program's memory only, for you alone, until you forget it or the program ends."), backends]);
  drawBackends(backends);
  if (backend) backends.querySelector(`input[data-key-of="${backend}"]`)?.focus();
  const [answer, spending] = await Promise.all([call("budgets"), call("spending", {}, { quiet: true })]);
  fill(budgets, (answer.result || []).map((budget) => budgetField(budget)), spending.result && spentList(spending.result));
  if (backend) backends.querySelector(`input[data-key-of="${backend}"]`)?.scrollIntoView({ block: "center" });
}

const dollars = (usd) => (usd ? price(usd) : "$0.00");

function spentList({ branch_usd, days }) {
  const line = (what, usd) => [h("dt", {}, what), h("dd", {}, dollars(usd))];
  return h("details", { class: "kx-spending" }, h("summary", {}, `This branch: ${dollars(branch_usd)}`),
    days.length ? h("dl", { class: "kx-keys" }, days.map(({ day, usd }) => line(day, usd))) : h("p", { class: "kx-muted" }, "Nothing has been paid yet."));
}

function budgetField(budget) {
  const name = budget.name === "day" ? "Today, all projects" : "This project";
  let saved = budget.limit_usd ?? "";
  const save = async ({ target }) => {
    const asked = target.value;
    const answer = await call("set_budget", { name: budget.name, usd: asked === "" ? null : Number(asked) });
    if (!answer.error) saved = asked;
    else if (target.value === asked) target.value = saved;
  };
  return h("label", { class: "kx-field" },
    h("span", {}, `${name}: ${dollars(budget.spent_usd)} spent`),
    h("input", {
      type: "number", min: 0, step: 0.5, placeholder: "no limit, in US dollars", value: saved, onchange: save,
    }));
}

/** Say what the provider thinks of the key. Unasked, only what is good to know: a refusal, or what is left. */
async function drawKeyCheck(place, backend, asked) {
  if (asked) fill(place, "Asking whether the key is accepted…");
  const { result } = await call("check_key", { backend: backend.id }, { quiet: true });
  const told = result && (asked || result.state === "refused" || result.credit_usd !== null);
  fill(place, told ? result.message : "");
  place.dataset.state = result?.state || "unknown";
}

function drawBackends(place, asked = null) {
  const seen = new Map();
  for (const tier of store.tiers) for (const backend of tier.backends) {
    const entry = seen.get(backend.id) || { ...backend, tiers: [] };
    entry.tiers.push(tier.label);
    seen.set(backend.id, entry);
  }
  fill(place, [...seen.values()].map((backend) => h("div", { class: "kx-backend" },
    h("b", {}, backend.label), " ", h("span", { class: "kx-muted" }, backend.tiers.join(", ")),
    h("p", { class: "kx-muted" }, backend.ready ? "Ready." : spoken(`${backend.reason} ${backend.hint}`)),
    backend.takes_key && keyField(backend, place),
    backend.takes_key && h("p", { class: "kx-muted kx-key-check", role: "status", "data-backend": backend.id }))));
  for (const backend of seen.values()) {
    if (backend.takes_key && backend.ready) drawKeyCheck(place.querySelector(`.kx-key-check[data-backend="${backend.id}"]`), backend, asked === backend.id);
  }
}

function keyField(backend, place) {
  const field = h("input", { type: "password", placeholder: "Paste your own key", "aria-label": `Your key for ${backend.label}`, autocomplete: "off", "data-key-of": backend.id, onkeydown: (event) => event.key === "Enter" && use() });
  const use = () => field.value.trim() && change("set_key", { key: field.value });
  const change = async (action, body) => {
    const answer = await call(action, { backend: backend.id, ...body });
    field.value = "";
    if (!answer.error) drawBackends(place, action === "set_key" ? backend.id : null);
  };
  return h("div", { class: "kx-row" }, field,
    h("button", { type: "button", class: "kx-button", onclick: use }, "Use"),
    backend.own_key && h("button", { type: "button", class: "kx-link", onclick: () => change("forget_key", {}) }, "Forget my key"));
}
