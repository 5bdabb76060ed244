// All projects as a grid of covers, and the bin.

import { url } from "../../core/api.js";
import { newProject, PROJECT } from "../../core/commands.js";
import { dialogOf } from "../../core/dialog.js";
import { button, fill, h } from "../../core/dom.js";
import { counted, price } from "../../core/format.js";
import { icon } from "../../core/icons.js";
import { commandButtons } from "../../core/offer.js";
import { recalled, remember } from "../../core/remembered.js";

/** @import { Page, ProjectEntry } from "../../core/page.d.ts" */
/** @import { ProjectRow } from "../../core/types.d.ts" */

const ORDERS = /** @type {const} */ ([
  ["changed", "Changed last"],
  ["title", "By name"],
  ["versions", "Most versions"],
  ["spent", "Most spent"],
]);

/** The server gives them by when they changed. @param {ProjectRow[]} rows @param {string} order */
export function sorted(rows, order) {
  if (order === "title") return rows.toSorted((a, b) => a.title.localeCompare(b.title, undefined, { numeric: true }));
  if (order === "versions") return rows.toSorted((a, b) => b.version_count - a.version_count);
  return order === "spent" ? rows.toSorted((a, b) => b.spent_usd - a.spent_usd) : rows;
}

/** @param {string} moment */
const dayOf = (moment) =>
  new Date(moment).toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });

class Projects {
  list = h("ul", { class: "kx-projects kx-home" });
  search = h("input", {
    type: "search",
    placeholder: "Search projects",
    "aria-label": "Search projects",
    oninput: () => this.draw(),
  });
  order = h(
    "select",
    { "aria-label": "Order of the projects", onchange: () => this.reorder() },
    ORDERS.map(([value, label]) => h("option", { value }, label)),
  );
  bin = button("kx-link", "", () => this.switchBin());
  inBin = false;
  /** @type {ProjectRow[]} */
  rows = [];

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    const create = button("kx-button", [icon("plus"), "New project"], () => this.create(), { id: "kx-new-project" });
    const notice = page.store.notice && h("p", { class: "kx-notice", role: "note" }, page.store.notice);
    this.order.value = recalled("order of projects", /** @type {string} */ (ORDERS[0][0]));
    const bar = h("div", { class: "kx-row" }, this.search, this.order);
    const body = [notice, bar, this.list, this.bin];
    this.dialog = dialogOf("Projects", body, { kind: "kx-home-dialog", beside: create });
  }

  reorder() {
    remember("order of projects", this.order.value);
    this.draw();
  }

  switchBin() {
    this.inBin = !this.inBin;
    return this.load();
  }

  async load() {
    const answer = await this.page.call("list_projects", { deleted: this.inBin });
    this.rows = answer.result ?? [];
    this.bin.textContent = this.inBin ? "Back to the projects" : "Show the bin";
    this.draw();
  }

  draw() {
    const wanted = this.search.value.trim().toLowerCase();
    const shown = sorted(this.rows, this.order.value).filter((row) => row.title.toLowerCase().includes(wanted));
    const nothing = this.inBin ? "The bin is empty." : "No project of this name.";
    fill(
      this.list,
      shown.length ? shown.map((row) => this.item(row)) : h("li", { class: "kx-muted kx-empty" }, nothing),
    );
  }

  /** @param {ProjectRow} row */
  item(row) {
    const title = h("b", {}, row.title);
    const facts = [dayOf(row.updated_at), counted(row.version_count, "version"), row.spent_usd && price(row.spent_usd)];
    const cover = row.cover
      ? h("img", { src: url(`images/${row.id}/${row.cover}/thumb`), alt: "", loading: "lazy" })
      : icon("image");
    const words = h("span", {}, title, h("small", { class: "kx-muted" }, facts.filter(Boolean).join(" · ")));
    const open = () => {
      this.dialog.close();
      this.page.open(row.id);
    };
    /** @type {ProjectEntry} */
    const entry = { row, binned: this.inBin, rename: () => this.rename(row, title), reload: () => this.load() };
    return h(
      "li",
      { class: row.id === this.page.store.project?.id ? "kx-current" : null, "data-project": row.id },
      button("kx-project", [h("span", { class: "kx-cover" }, cover), words], open, { disabled: this.inBin }),
      h("div", { class: "kx-row kx-home-actions" }, commandButtons(PROJECT, "project", this.page, entry)),
    );
  }

  /** @param {ProjectRow} row @param {HTMLElement} title gives way to a field */
  rename(row, title) {
    const field = h("input", { value: row.title, maxlength: 120, "aria-label": "New name" });
    field.addEventListener("click", (event) => event.stopPropagation());
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") field.blur();
    });
    const done = async () => {
      await this.page.call("rename_project", { project: row.id, title: field.value.trim() || row.title });
      await this.load();
    };
    field.addEventListener("blur", done, { once: true });
    title.replaceWith(field);
    field.select();
  }

  async create() {
    await newProject(this.page);
    this.dialog.close();
  }
}

/** @param {Page} page */
export function openProjects(page) {
  return new Projects(page).load();
}
