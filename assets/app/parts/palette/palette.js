// Everything by its name: commands, versions and projects behind one field.
import { imageUrl as pictureOf } from "../../core/api.js";
import { fill, h, iconButton } from "../../core/dom.js";
import { counted } from "../../core/format.js";
import { icon } from "../../core/icons.js";
import { found } from "./found.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { ProjectRow } from "../../core/types.d.ts" */
/** @import { Choice } from "./found.js" */

class Palette {
  field = h("input", {
    id: "kx-palette-field",
    type: "text",
    role: "combobox",
    placeholder: "Find a command, a version or a project",
    "aria-label": "Find a command, a version or a project",
    "aria-autocomplete": "list",
    "aria-expanded": "true",
    "aria-controls": "kx-palette-list",
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => this.draw(),
    onkeydown: (event) => this.keyed(event),
  });
  list = h("div", { id: "kx-palette-list", class: "kx-scroll", role: "listbox", "aria-label": "Found" });
  none = h("p", { class: "kx-muted kx-palette-none", hidden: true }, "Nothing is called that.");
  count = h("p", { class: "kx-unseen", role: "status" });
  /** @type {ProjectRow[]} */
  projects = [];
  /** @type {Choice[]} */
  choices = [];
  at = 0;

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    const close = iconButton(icon("close"), "Close", () => this.dialog.close());
    const head = h("div", { class: "kx-row kx-palette-head" }, icon("search"), this.field, close);
    const parts = [head, this.list, this.none, this.count];
    this.dialog = h("dialog", { class: "kx-dialog kx-palette", "aria-label": "Go to" }, parts);
    this.dialog.addEventListener("close", () => this.dialog.remove());
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    // The focus stays in the field, whatever is clicked.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.clicked(event));
    this.list.addEventListener("pointermove", (event) => this.mark(this.indexOf(event)));
  }

  open() {
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.draw();
    this.load();
  }

  async load() {
    const { result } = await this.page.call("list_projects", {}, { quiet: true });
    this.projects = result ?? [];
    if (this.dialog.open) this.draw();
  }

  draw() {
    const groups = found(this.page, this.projects, this.field.value);
    this.choices = groups.flatMap(({ choices }) => choices);
    const shown = groups.map(({ title, choices }) => {
      const id = `kx-palette-${title.toLowerCase()}`;
      const named = h("h3", { id, role: "presentation" }, title);
      return h(
        "div",
        { role: "group", "aria-labelledby": id },
        named,
        choices.map((choice) => this.option(choice)),
      );
    });
    fill(this.list, shown);
    this.none.hidden = this.choices.length > 0;
    this.list.hidden = !this.choices.length;
    this.count.textContent = this.field.value ? `${counted(this.choices.length, "hit")}` : "";
    this.mark(0);
    this.list.scrollTop = 0;
  }

  /** @param {Choice} choice */
  option({ id, label, note, key, icon: name, picture }) {
    const src = picture && pictureOf(picture.project ?? this.page.store.project?.id ?? "", picture.digest, "thumb");
    const shown = src ? h("img", { src, alt: "", loading: "lazy" }) : name ? icon(name) : null;
    return h(
      "div",
      { class: "kx-option", role: "option", id: `kx-option-${id}`, "aria-selected": "false" },
      h("span", { class: "kx-option-picture" }, shown),
      h("span", { class: "kx-grow kx-option-label" }, label),
      note && h("span", { class: "kx-muted kx-option-note" }, note),
      key && h("kbd", {}, key),
    );
  }

  /** @param {Event} event */
  indexOf({ target }) {
    const option = /** @type {Element} */ (target).closest("[role=option]");
    return option ? this.choices.findIndex(({ id }) => option.id === `kx-option-${id}`) : -1;
  }

  /** @param {number} index */
  mark(index) {
    if (index < 0 || index >= this.choices.length) return this.field.removeAttribute("aria-activedescendant");
    this.list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
    const option = document.getElementById(`kx-option-${this.choices[index].id}`);
    option?.setAttribute("aria-selected", "true");
    this.field.setAttribute("aria-activedescendant", option?.id ?? "");
    this.at = index;
    return option;
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    const { length } = this.choices;
    if (event.isComposing || !length) return;
    if (event.key === "Enter") this.run(this.choices[this.at]);
    else if (event.key === "ArrowDown") this.step(1);
    else if (event.key === "ArrowUp") this.step(length - 1);
    else return;
    event.preventDefault();
  }

  /** @param {number} by */
  step(by) {
    this.mark((this.at + by) % this.choices.length)?.scrollIntoView({ block: "nearest" });
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const choice = this.choices[this.indexOf(event)];
    if (choice) this.run(choice);
  }

  /** @param {Choice} choice */
  run(choice) {
    this.dialog.close(); // first: what it runs may open a dialog, or put the focus somewhere
    choice.run();
  }
}

/** @param {Page} page */
export function openPalette(page) {
  new Palette(page).open();
}
