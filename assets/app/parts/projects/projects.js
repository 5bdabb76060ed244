// The drawer with all projects and the bin.

import { url } from "../../core/api.js";
import { newProject, PROJECT } from "../../core/commands.js";
import { dialogOf } from "../../core/dialog.js";
import { button, fill, h } from "../../core/dom.js";
import { counted, price } from "../../core/format.js";
import { icon } from "../../core/icons.js";
import { commandButtons } from "../../core/offer.js";

/** @import { Page, ProjectEntry } from "../../core/page.d.ts" */
/** @import { ProjectRow } from "../../core/types.d.ts" */

class Projects {
  list = h("ul", { class: "kx-projects" });
  search = h("input", {
    type: "search",
    placeholder: "Search projects",
    "aria-label": "Search projects",
    oninput: () => this.draw(),
  });
  bin = button("kx-link", "", () => this.switchBin());
  inBin = false;
  /** @type {ProjectRow[]} */
  rows = [];

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    const create = button("kx-button", [icon("plus"), "New project"], () => this.create(), { id: "kx-new-project" });
    this.dialog = dialogOf("Projects", [this.search, this.list, this.bin], { kind: "kx-drawer", beside: create });
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
    const shown = this.rows.filter((row) => row.title.toLowerCase().includes(wanted));
    const nothing = this.inBin ? "The bin is empty." : "No project of this name.";
    fill(
      this.list,
      shown.length ? shown.map((row) => this.item(row)) : h("li", { class: "kx-muted kx-empty" }, nothing),
    );
  }

  /** @param {ProjectRow} row */
  item(row) {
    const title = h("b", {}, row.title);
    const facts = [counted(row.version_count, "version"), row.spent_usd ? price(row.spent_usd) : ""];
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
      commandButtons(PROJECT, "project", this.page, entry),
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
