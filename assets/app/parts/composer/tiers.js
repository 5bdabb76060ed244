// The picker of tier and backend, with what each costs.
import { fill, h } from "../../core/dom.js";
import { price, seconds } from "../../core/format.js";
import { rememberComposer } from "../../core/session.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { Store } from "../../core/store.js" */
/** @import { BackendRow, EditDraft, TierRow } from "../../core/types.d.ts" */

/** @param {Page} page */
export function tierPicker({ store }) {
  const picker = h("select", {
    id: "kx-tier",
    "aria-label": "Tier and backend",
    onchange: () => {
      const [tier, backend] = picker.value.split("/");
      store.setDraft({ tier: /** @type {EditDraft["tier"]} */ (tier), backend: backend || null, parameters: {} });
      rememberComposer();
    },
  });
  return picker;
}

/** @param {HTMLSelectElement} picker @param {Store} store */
export function drawTiers(picker, { tiers, draft }) {
  fill(
    picker,
    tiers.map((tier) =>
      h(
        "optgroup",
        { label: tier.label },
        h("option", { value: `${tier.tier}/` }, tierText(tier)),
        tier.backends.length > 1 &&
          tier.backends.map((backend) =>
            h("option", { value: `${tier.tier}/${backend.id}` }, backendText(tier, backend)),
          ),
      ),
    ),
  );
  const pinned = `${draft.tier}/${draft.backend ?? ""}`;
  const listed = [...picker.options].some((option) => option.value === pinned);
  picker.value = listed ? pinned : `${draft.tier}/`; // the only backend of a tier is not listed by itself
  picker.title = picker.selectedOptions[0]?.textContent ?? "";
}

/** @param {TierRow} tier */
function tierText(tier) {
  const chosen = tier.backends.find((backend) => backend.id === tier.chosen);
  if (!chosen) return `${tier.label} – not ready`;
  // Who pays knows the provider from the receipt; which engine of this machine it is says what it can do.
  const engine = !chosen.takes_key && tier.backends.length > 1 ? ` · ${chosen.label.replace(/ \(.*\)$/, "")}` : "";
  return `${tier.label}${engine} – ${price(chosen.price_usd)}, ${seconds(chosen.typical_s)}`;
}

/** @param {TierRow} tier @param {BackendRow} backend */
function backendText(tier, backend) {
  return `${tier.label} · ${backend.label} – ${backend.ready ? price(backend.price_usd) : "not ready"}`;
}

/** Whether a picture can be made from words alone, by who would be asked now. @param {Store} store */
export function canGenerate(store) {
  const tier = store.tier();
  const ready = tier?.backends.filter((backend) => backend.ready || !tier.chosen) ?? [];
  const asked = store.draft.backend ? [store.backend()] : ready;
  return asked.some((backend) => backend?.modes.includes("generate"));
}
