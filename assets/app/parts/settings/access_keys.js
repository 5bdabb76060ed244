// Keys by which a visitor's own programs act for them.
import { button, fill, h } from "../../core/dom.js";
import { dollars } from "../../core/format.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { AccessKeyRow } from "../../core/types.d.ts" */

const ABOUT =
  "A program that sends an access key as the header X-Kontext-Key acts for you: its edits are kept in your projects " +
  "and count against your budgets.";
const ONCE = "Copy it now: it is not shown again.";

/** @param {Page} page */
export function accessKeys(page) {
  const list = h("div", {});
  const made = h("div", { role: "status" });
  const draw = async () => {
    const { result } = await page.call("list_access_keys", {}, { quiet: true });
    fill(
      list,
      /** @type {AccessKeyRow[]} */ (result ?? []).map((row) => keyRow(row, page, draw)),
    );
  };
  draw();
  return h(
    "div",
    { class: "kx-access-keys" },
    h(
      "p",
      { class: "kx-muted" },
      ABOUT,
      " ",
      h("a", { class: "kx-link", href: "api", target: "_blank" }, "How it does that"),
    ),
    list,
    newKey(page, made, draw),
    made,
  );
}

/** @param {AccessKeyRow} row @param {Page} page @param {() => unknown} changed */
function keyRow({ id, name, made_at, budget_usd, spent_usd }, page, changed) {
  const revoke = async () => {
    const answer = await page.call("revoke_access_key", { id });
    if (!answer.error) changed();
  };
  const spent =
    budget_usd === null ? spent_usd > 0 && dollars(spent_usd) : `${dollars(spent_usd)} of ${dollars(budget_usd)}`;
  const told = [`made ${made_at.slice(0, 10)}`, spent && `${spent} spent`].filter(Boolean).join(" · ");
  const about = h("span", {}, h("b", {}, name), " ", h("span", { class: "kx-muted" }, told));
  return h("div", { class: "kx-row" }, about, button("kx-link", "Revoke", revoke, { "aria-label": `Revoke ${name}` }));
}

/** @param {Page} page @param {HTMLElement} shown @param {() => unknown} changed */
function newKey(page, shown, changed) {
  const make = async () => {
    const typed = budget.value.trim();
    // What is no number goes as it is, to be refused: a key without a limit is not what was meant.
    const budget_usd = typed === "" ? null : Number.isNaN(Number(typed)) ? typed : Number(typed);
    const answer = await page.call("make_access_key", { name: field.value, budget_usd });
    if (answer.error) return;
    field.value = budget.value = "";
    const key = h("input", { readonly: true, value: answer.result.key });
    const labelled = h("label", { class: "kx-field" }, h("span", {}, "The new access key"), key);
    fill(shown, labelled, h("p", { class: "kx-muted" }, ONCE));
    key.focus();
    key.select();
    changed();
  };
  /** @type {HTMLInputElement} */
  const field = h("input", {
    placeholder: "What is the key for?",
    "aria-label": "Name of a new access key",
    maxlength: 80,
    onkeydown: (event) => event.key === "Enter" && make(),
  });
  /** @type {HTMLInputElement} */
  const budget = h("input", {
    inputmode: "decimal",
    placeholder: "Budget in $",
    "aria-label": "What the key may spend in US dollars, if there is to be a limit",
    onkeydown: (event) => event.key === "Enter" && make(),
  });
  return h("div", { class: "kx-row kx-new-key" }, field, budget, button("kx-button", "Make a key", make));
}
