// The gallery's controls: how it is laid out, what it shows, in which order, how large.
import { button, fill, h, iconButton } from "../../core/dom.js";
import { icon } from "../../core/icons.js";
import { recalled, remember } from "../../core/remembered.js";
import { fold } from "../tree/finding.js";
import { facets, NO_FILTER } from "./model.js";

/** @import { Filter, Item, Order, View } from "./model.js" */

/** @type {[View, string][]} */
const VIEWS = [
  ["branches", "Branches"],
  ["grid", "Grid"],
  ["timeline", "Timeline"],
];
/** @type {[Order, string][]} */
const ORDERS = [
  ["newest", "Newest first"],
  ["oldest", "Oldest first"],
  ["words", "By instruction"],
  ["changed", "Most changed first"],
];
const USUAL_PX = 200;
export const SMALLEST_PX = 110;
const LARGEST_PX = 420;

export class Bar {
  /** @type {Filter} */
  filter = { ...NO_FILTER };
  view = /** @type {View} */ (recalled("gallery view", "branches"));
  order = /** @type {Order} */ (recalled("gallery order", "newest"));
  /** @type {number} In CSS pixels, across. */
  size = recalled("gallery size", USUAL_PX);
  chips = h("div", { class: "kx-chips" });
  /** @type {HTMLInputElement} */
  search = h("input", {
    type: "search",
    id: "kx-gallery-search",
    placeholder: "Search: words, v12, ★",
    "aria-label": "Search in the gallery",
    oninput: () => this.set({ text: fold(this.search.value) }),
  });

  /** @param {{changed: () => void, close: () => void}} told */
  constructor({ changed, close }) {
    this.told = changed;
    const views = VIEWS.map(([view, label]) =>
      button("kx-choice", label, () => this.look(view), { "data-view": view }),
    );
    this.views = h("div", { class: "kx-switch", role: "group", "aria-label": "Layout" }, views);
    this.orders = h("select", { "aria-label": "Sort by", onchange: () => this.sort() }, options(ORDERS, this.order));
    const size = { type: "range", min: SMALLEST_PX, max: LARGEST_PX, step: 10, "aria-label": "Size of the pictures" };
    this.slider = h("input", { ...size, oninput: () => this.resize() });
    this.slider.value = String(this.size);
    this.title = h("h2", { class: "kx-grow" });
    const leave = iconButton(icon("close"), "Close the gallery (G)", close);
    const right = h("div", { class: "kx-row kx-gallery-right" }, this.orders, this.slider);
    this.element = h(
      "div",
      { class: "kx-gallery-bar" },
      h("div", { class: "kx-row" }, leave, this.title),
      h("div", { class: "kx-row kx-gallery-tools" }, this.views, this.search, this.chips, right),
    );
    this.showView();
  }

  get filtered() {
    return JSON.stringify(this.filter) !== JSON.stringify(NO_FILTER);
  }

  /** @param {Partial<Filter>} fields */
  set(fields) {
    this.filter = { ...this.filter, ...fields };
    this.told();
  }

  clear() {
    this.search.value = "";
    this.set(NO_FILTER);
  }

  /** @param {View} view */
  look(view) {
    this.view = view;
    remember("gallery view", view);
    this.showView();
    this.told();
  }

  showView() {
    for (const one of this.views.querySelectorAll("button")) {
      one.setAttribute("aria-pressed", String(one.dataset.view === this.view));
    }
    this.orders.hidden = this.view === "branches";
  }

  sort() {
    this.order = /** @type {Order} */ (this.orders.value);
    remember("gallery order", this.order);
    this.told();
  }

  resize() {
    this.size = Number(this.slider.value);
    remember("gallery size", this.size);
    this.told();
  }

  /** Offer only what there is something of. @param {Item[]} items all of them @param {string} title */
  draw(items, title) {
    this.title.textContent = title;
    const { filter } = this;
    const found = facets(items);
    const names = /** @type {const} */ (["starred", "masked", "failed"]);
    const labels = { starred: "★ Starred", masked: "Masked", failed: "Failed" };
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.filter;
    /** @param {string} label @param {boolean} on @param {Partial<Filter>} fields @param {string} name */
    const chip = (label, on, fields, name) =>
      button("kx-choice", label, () => this.set(fields), { "aria-pressed": String(on), "data-filter": name });
    const tiers = [...found.tiers].map(([tier, count]) =>
      chip(`${tierName(tier)} ${count}`, filter.tier === tier, { tier: filter.tier === tier ? "" : tier }, tier),
    );
    fill(
      this.chips,
      names.map((name) => {
        const on = filter[name];
        return (found[name] > 0 || on) && chip(`${labels[name]} ${found[name]}`, on, { [name]: !on }, name);
      }),
      (tiers.length > 1 || filter.tier) && tiers,
      found.models.size > 1 && this.models([...found.models]),
      this.filtered && button("kx-link", "Show all", () => this.clear(), { "data-filter": "all" }),
    );
    if (focused) /** @type {HTMLElement | null} */ (this.chips.querySelector(`[data-filter="${focused}"]`))?.focus();
  }

  /** @param {[string, number][]} models */
  models(models) {
    const shown = models.map(([model, count]) => /** @type {[string, string]} */ ([model, `${model} (${count})`]));
    const choices = options([["", "All models"], ...shown], this.filter.model);
    const props = { class: "kx-models", "aria-label": "Model", "data-filter": "model" };
    /** @type {HTMLSelectElement} */
    const select = h("select", { ...props, onchange: () => this.set({ model: select.value }) }, choices);
    return select;
  }
}

/** @param {string} tier */
const tierName = (tier) => tier[0].toUpperCase() + tier.slice(1);

/** @param {[string, string][]} choices @param {string} chosen */
function options(choices, chosen) {
  return choices.map(([value, label]) => h("option", { value, selected: value === chosen }, label));
}
