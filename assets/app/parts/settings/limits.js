// What this server allows, and how much of it is used; nothing where nothing is limited.
import { fill, h } from "../../core/dom.js";
import { dollars } from "../../core/format.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @typedef {{limit: string, scope: "server" | "address" | "visitor", most: number, used: number}} Limit */

const ABOUT =
  "Your budgets protect you, and you can change them. These limits protect whoever runs this server: they hold for " +
  "you, for all visitors from your address and for everybody together. What you pay with a key of your own is not " +
  "counted.";
/** @type {Record<string, string>} */
const NAMES = {
  usd_per_day: "On this server's keys, today",
  edits_per_hour: "Edits within an hour",
  uploads_per_hour: "Pictures within an hour",
};
const WHO = { visitor: "you", address: "your address", server: "everybody" };

/** @param {Page} page */
export function limits(page) {
  const place = h("div", {});
  draw(place, page);
  return place;
}

/** @param {HTMLElement} place @param {Page} page */
async function draw(place, page) {
  const { result } = await page.call("limits", {}, { quiet: true });
  const rows = /** @type {Limit[]} */ (result ?? []);
  if (rows.length === 0) return;
  const terms = Object.keys(NAMES).map((name) => {
    const own = rows.filter(({ limit }) => limit === name).reverse(); // your own first
    return own.length > 0 && [h("dt", {}, NAMES[name]), h("dd", {}, own.map(standing).join(" · "))];
  });
  fill(
    place,
    h("h3", {}, "Limits of this server"),
    h("p", { class: "kx-muted" }, ABOUT),
    h("dl", { class: "kx-keys kx-limits" }, terms),
  );
}

/** @param {Limit} limit */
function standing({ limit, scope, most, used }) {
  const amount = limit === "usd_per_day" ? dollars : String;
  return `${WHO[scope]} ${amount(used)} of ${amount(most)}`;
}
