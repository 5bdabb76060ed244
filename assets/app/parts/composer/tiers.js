// The one picker of tier, model and backend, with what each costs.
import { fill, h } from "../../core/dom.js";
import { price, seconds } from "../../core/format.js";
import { rememberComposer } from "../../core/session.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { Store } from "../../core/store.js" */
/** @import { BackendRow, EditDraft, ModelRow, TierRow } from "../../core/types.d.ts" */

/** @param {Page} page */
export function tierPicker({ store }) {
  const picker = h("select", {
    id: "kx-tier",
    "aria-label": "Tier, model and backend",
    onchange: () => {
      const [tier, backend, model = ""] = picker.value.split("/");
      const picked = { tier: /** @type {EditDraft["tier"]} */ (tier), model, backend: backend || null };
      store.setDraft({ ...picked, parameters: {} });
      rememberComposer();
    },
  });
  return picker;
}

/** @param {HTMLSelectElement} picker @param {Store} store */
export function drawTiers(picker, { tiers, draft }) {
  /** @param {[string, string]} choice */
  const option = ([value, text]) => h("option", { value }, text);
  fill(
    picker,
    tiers.map((tier) => h("optgroup", { label: tier.label }, choices(tier, draft).map(option))),
  );
  const tier = tiers.find((one) => one.tier === draft.tier);
  const model = tier?.others.some((other) => other.model === draft.model) ? draft.model : ""; // the usual one has a name too
  const wanted = optionFor(draft.tier, draft.backend, model);
  const listed = [...picker.options].some(({ value }) => value === wanted);
  picker.value = listed ? wanted : optionFor(draft.tier, null, model); // the only backend of a model is not listed by itself
  picker.title = picker.selectedOptions[0]?.textContent ?? "";
}

/**
 * What can be picked in a tier, as value and text: the usual model, the others that are ready, and of the picked one
 * who else carries it. A list, never a matrix.
 * @param {TierRow} tier
 * @param {Pick<EditDraft, "tier" | "model">} draft
 * @returns {[string, string][]}
 */
export function choices(tier, draft) {
  const picked = draft.tier === tier.tier ? tier.others.find(({ model }) => model === draft.model) : undefined;
  const others = tier.others.filter((other) => other.chosen || other === picked);
  const { backends } = picked ?? tier;
  const more = backends.length > 1 ? backends : [];
  return [
    pair(optionFor(tier.tier), tierText(tier)),
    ...others.map((other) => pair(optionFor(tier.tier, null, other.model), modelText(other))),
    ...more.map((one) => pair(optionFor(tier.tier, one.id, picked?.model), backendText(tier, one, picked))),
  ];
}

/**
 * How an option says what it picks; without a model it is the tier's usual one, without a backend whoever is chosen.
 * @param {string} tier
 * @param {string | null} backend
 * @param {string} model
 */
const optionFor = (tier, backend = null, model = "") => `${tier}/${backend ?? ""}${model && `/${model}`}`;

/** @param {string} value @param {string} text @returns {[string, string]} */
const pair = (value, text) => [value, text];

/** @param {ModelRow} other */
function modelText({ label, chosen, backends }) {
  const backend = backends.find(({ id }) => id === chosen);
  return `${label} – ${backend ? costs(backend) : "not ready"}`;
}

/** @param {BackendRow} backend */
function costs({ price_usd, price_by_size, typical_s }) {
  const from = price_by_size ? "from " : "";
  return [`${from}${price(price_usd)}`, typical_s && seconds(typical_s)].filter(Boolean).join(", ");
}

/** @param {TierRow} tier */
function tierText(tier) {
  const chosen = tier.backends.find((backend) => backend.id === tier.chosen);
  if (!chosen) return `${tier.label} – not ready`;
  // Who pays knows the provider from the receipt; which engine of this machine it is says what it can do.
  const engine = !chosen.takes_key && tier.backends.length > 1 ? ` · ${chosen.label.replace(/ \(.*\)$/, "")}` : "";
  return `${tier.label}${engine} – ${costs(chosen)}`;
}

/** @param {TierRow} tier @param {BackendRow} backend @param {ModelRow} [picked] */
function backendText(tier, backend, picked) {
  const from = backend.price_by_size ? "from " : "";
  const what = picked?.label ?? tier.label;
  return `${what} · ${backend.label} – ${backend.ready ? from + price(backend.price_usd) : "not ready"}`;
}

/** Whether a picture can be made from words alone, by who would be asked now. @param {Store} store */
export function canGenerate(store) {
  const offer = store.offer();
  const ready = offer?.backends.filter((backend) => backend.ready || !offer.chosen) ?? [];
  const asked = store.draft.backend ? [store.backend()] : ready;
  return asked.some((backend) => backend?.modes.includes("generate"));
}
