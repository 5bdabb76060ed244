// All versions in a window of their own: branches, grid or timeline; marked ones are compared, saved, starred, hidden.
import { GALLERY } from "../../core/commands.js";
import { button, fill, h } from "../../core/dom.js";
import { counted } from "../../core/format.js";
import { onMenuWanted } from "../../core/held.js";
import { commandButtons } from "../../core/offer.js";
import { clear, reconcile } from "../../core/reconcile.js";
import { Family } from "../tree/family.js";
import { below, openMenu } from "../tree/menu.js";
import { RowsInView } from "../tree/rows_in_view.js";
import { Bar, SMALLEST_PX } from "./bar.js";
import { cellLine, headLine, refreshCell } from "./cell.js";
import { keyed } from "./keys.js";
import { itemsOf, linesOf, passes, sections } from "./model.js";

/** @import { Gallery, Page } from "../../core/page.d.ts" */
/** @import { VersionRow } from "../../core/types.d.ts" */
/** @import { Item, Line } from "./model.js" */

const GAP_PX = 12;
const HEAD_PX = 52;
const WORDS_PX = 44;
const SHAPE = 0.75;
const FAILED = ["failed", "uncertain", "cancelled"];
/** What is done on the page below. */
const LEAVING = new Set(["go-on", "collapse"]);

/** @implements {Gallery} */
export class GalleryPart {
  space = h("div", {
    class: "kx-gallery-space",
    role: "grid",
    "aria-label": "Versions",
    "aria-multiselectable": "true",
  });
  scroller = h("div", { class: "kx-gallery-scroll" }, this.space);
  none = h("p", { class: "kx-muted kx-gallery-none", hidden: true }, "No version matches.");
  actions = h("div", { class: "kx-row kx-gallery-marked", role: "status", hidden: true });
  /** @type {Family<VersionRow>} */
  family = new Family([]);
  /** @type {Line[]} */
  lines = [];
  rows = new RowsInView();
  /** @type {Item[][]} The cells as they stand, without the headings. */
  grid = [];
  /** @type {Map<string, {row: number, column: number, line: number}>} */
  places = new Map();
  /** @type {Set<string>} */
  marks = new Set();
  /** @type {Set<string>} Sections of which all is shown. */
  whole = new Set();
  /** @type {string | null} */
  at = null;
  width = SMALLEST_PX;
  columns = 2;
  room = "";
  cellHeight = 0;

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.bar = new Bar({ changed: () => this.arrange(), close: () => this.close() });
    const parts = [this.bar.element, this.actions, this.none, this.scroller];
    this.dialog = h("dialog", { class: "kx-gallery", "aria-label": "Gallery" }, parts);
    this.listen();
    page.store.subscribe(["versions", "jobs", "project", "opened"], () => this.dialog.open && this.arrange());
  }

  listen() {
    const { dialog, space, scroller } = this;
    dialog.addEventListener("keydown", (event) => keyed(this, event));
    dialog.addEventListener("close", () => this.unmark());
    dialog.addEventListener("cancel", (event) => {
      if (!this.marks.size || event.target !== dialog) return;
      event.preventDefault();
      this.unmark();
    });
    space.addEventListener("click", (event) => this.clicked(event));
    onMenuWanted(space, "[data-version]", (element, at) => this.openMenu(element, at));
    const draw = () => requestAnimationFrame(() => this.draw());
    scroller.addEventListener("scroll", draw, { passive: true });
    new ResizeObserver(() => requestAnimationFrame(() => this.resized())).observe(scroller);
  }

  open() {
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.at = this.page.store.project?.head ?? null;
    clear(this.space);
    this.arrange();
    this.toCurrent();
  }

  resized() {
    const { clientWidth, clientHeight } = this.scroller;
    const now = `${clientWidth} ${clientHeight}`;
    if (this.dialog.open && now !== this.room) this.arrange();
  }

  close() {
    this.dialog.close();
  }

  arrange() {
    const { store } = this.page;
    this.family = new Family([...store.versions.values()].sort((a, b) => a.number - b.number));
    const items = itemsOf(
      store.versions.values(),
      [...store.jobs.values()]
        .filter(({ state }) => FAILED.includes(state))
        .map((job) => ({ ...job, parent: store.beginningOf(job) })),
    );
    const shown = items.filter(passes(this.bar.filter));
    this.measureCells();
    const made = sections(this.bar.view, shown, this.family, this.bar.order);
    const whole = this.bar.filtered ? () => true : (/** @type {{key: string}} */ { key }) => this.whole.has(key);
    this.lines = linesOf(made, this.columns, whole);
    this.findPlaces();
    this.rows.measure(this.lines.map(({ kind }) => (kind === "head" ? HEAD_PX : this.cellHeight + GAP_PX)));
    this.space.style.height = `${this.rows.height}px`;
    this.space.setAttribute("aria-rowcount", String(this.lines.length));
    this.none.hidden = shown.length > 0;
    const told = shown.length === items.length ? "" : `${shown.length} of `;
    this.bar.draw(items, `${store.project?.title} · ${told}${counted(store.versions.size, "version")}`);
    this.showMarked();
    this.draw();
  }

  /** About as wide as was asked for, so that they fill the row; at least two stand beside each other. */
  measureCells() {
    this.room = `${this.scroller.clientWidth} ${this.scroller.clientHeight}`;
    const room = Math.max(this.scroller.clientWidth - 2 * GAP_PX, 2 * SMALLEST_PX);
    this.columns = Math.max(2, Math.floor((room + GAP_PX) / (this.bar.size + GAP_PX)));
    this.width = Math.floor((room + GAP_PX) / this.columns) - GAP_PX;
    this.cellHeight = Math.round(this.width * SHAPE) + WORDS_PX;
    this.space.style.setProperty("--cell", `${this.width}px`);
    this.space.style.setProperty("--picture", `${Math.round(this.width * SHAPE)}px`);
  }

  findPlaces() {
    this.grid = [];
    this.places.clear();
    this.lines.forEach((line, index) => {
      if (line.kind === "head") return;
      const row = this.grid.push(line.items) - 1;
      line.items.forEach(({ key }, column) => {
        this.places.set(key, { row, column, line: index });
      });
    });
    if (!this.places.has(this.at ?? "")) this.at = this.grid[0]?.[0].key ?? null;
  }

  draw() {
    if (!this.dialog.open) return;
    const [first, last] = this.rows.range(this.scroller.scrollTop, this.scroller.clientHeight);
    const shown = this.lines.slice(first, last);
    const focused = this.space.contains(document.activeElement);
    const state = { head: this.page.store.project?.head ?? null, marked: this.marks };
    reconcile(this.space, shown, {
      key: ({ key }) => key,
      stamp: (line) =>
        line.kind === "head"
          ? `${line.section.title} ${line.section.items.length} ${line.hidden}`
          : `${this.width} ${line.items.map(({ key }) => key).join()}`,
      draw: (line) =>
        line.kind === "head" ? headLine(line, () => this.toggle(line)) : cellLine(line, this.page.store, this.width),
      refresh: (element, line) => this.place(element, line, state),
    });
    this.setTabStop(focused);
  }

  /** @param {HTMLElement} element @param {Line} line @param {{head: string | null, marked: Set<string>}} state */
  place(element, line, state) {
    const index = line.kind === "cells" ? (this.places.get(line.items[0].key)?.line ?? 0) : this.lines.indexOf(line);
    element.style.transform = `translateY(${this.rows.tops[index]}px)`;
    element.setAttribute("aria-rowindex", String(index + 1));
    if (line.kind === "cells") {
      line.items.forEach((item, column) => {
        refreshCell(/** @type {HTMLElement} */ (element.children[column]), item, state);
      });
    }
  }

  /** @param {boolean} focus */
  setTabStop(focus) {
    for (const cell of this.space.querySelectorAll("[tabindex='0'][data-cell]")) cell.setAttribute("tabindex", "-1");
    const cell = this.at && this.element(this.at);
    if (!cell) return;
    cell.setAttribute("tabindex", "0");
    if (focus && document.activeElement !== cell && !cell.contains(document.activeElement))
      cell.focus({ preventScroll: true });
  }

  /** @param {string} key @returns {HTMLElement | null} */
  element(key) {
    return this.space.querySelector(`[data-cell="${CSS.escape(key)}"]`);
  }

  /** @param {string} key */
  focus(key) {
    this.at = key;
    const place = this.places.get(key);
    if (place) {
      const { scroller } = this;
      scroller.scrollTop = this.rows.reveal(place.line, scroller.scrollTop, scroller.clientHeight);
    }
    this.draw();
    this.setTabStop(true);
  }

  /** @param {Line & {kind: "head"}} line */
  toggle({ section }) {
    if (this.whole.has(section.key)) this.whole.delete(section.key);
    else this.whole.add(section.key);
    this.arrange();
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const target = /** @type {Element} */ (event.target);
    const cell = /** @type {HTMLElement | null} */ (target.closest("[data-version]"));
    const id = cell?.dataset.version;
    if (!cell || !id) return;
    if (target.closest(".kx-cell-menu")) return this.openMenu(cell, below(target));
    const from = this.at;
    this.focus(id);
    if (event.shiftKey && from) this.markTo(from, id);
    else if (target.closest(".kx-cell-mark") || event.ctrlKey || event.metaKey || this.marks.size) this.mark();
    else this.choose();
  }

  /** @param {HTMLElement} cell @param {{x: number, y: number} | null} at */
  openMenu(cell, at) {
    const id = cell.dataset.version ?? "";
    this.focus(id);
    const chosen = (/** @type {string} */ command) => LEAVING.has(command) && this.close();
    openMenu(id, this.element(id) ?? cell, this.page, { at, chosen });
  }

  get rowsInView() {
    return Math.max(1, Math.floor(this.scroller.clientHeight / (this.cellHeight + GAP_PX)));
  }

  get active() {
    return this.page.store.version(this.at);
  }

  get marked() {
    const versions = [...this.marks].flatMap((id) => this.page.store.version(id) ?? []);
    return versions.sort((a, b) => a.number - b.number);
  }

  mark() {
    const id = this.active?.id;
    if (!id) return;
    if (this.marks.has(id)) this.marks.delete(id);
    else this.marks.add(id);
    this.showMarked();
    this.draw();
  }

  /** Mark from one to another, as they stand. @param {string} from @param {string} to */
  markTo(from, to) {
    const flat = this.grid.flat();
    const ends = [from, to].map((key) => flat.findIndex((item) => item.key === key)).sort((a, b) => a - b);
    for (const { version } of flat.slice(Math.max(0, ends[0]), ends[1] + 1)) if (version) this.marks.add(version.id);
    this.showMarked();
    this.draw();
  }

  markAll() {
    for (const { version } of this.grid.flat()) if (version) this.marks.add(version.id);
    this.showMarked();
    this.draw();
  }

  unmark() {
    this.marks.clear();
    this.showMarked();
    this.draw();
  }

  showMarked() {
    for (const id of this.marks) if (!this.page.store.version(id)) this.marks.delete(id);
    this.dialog.classList.toggle("kx-marking", this.marks.size > 0);
    this.actions.hidden = !this.marks.size;
    if (!this.marks.size) return;
    const commands = commandButtons(GALLERY, "marked", this.page, /** @type {Gallery} */ (this));
    const count = h("b", {}, `${this.marks.size} marked`);
    fill(
      this.actions,
      count,
      commands,
      button("kx-link", "Unmark", () => this.unmark()),
    );
  }

  search() {
    this.bar.search.focus();
    this.bar.search.select();
  }

  toCurrent() {
    const { head } = this.page.store.project ?? {};
    if (!head) return;
    if (!this.places.has(head)) this.showFolded(head);
    this.focus(this.places.has(head) ? head : (this.at ?? head));
  }

  /** It may be in a branch of which only the end is shown, or filtered away. @param {string} id */
  showFolded(id) {
    const line = this.family.lines().find(({ members }) => members.some((member) => member.id === id));
    if (line) this.whole.add(`lane-${line.members[0].id}`);
    if (this.bar.filtered) this.bar.clear();
    else this.arrange();
  }

  choose() {
    const { active, page } = this;
    if (!active) return;
    this.close();
    if (active.id !== page.store.project?.head) page.call("select", { version: active.id });
  }
}

/** @type {WeakMap<Page, GalleryPart>} */
const made = new WeakMap();

/** @param {Page} page */
export function openGallery(page) {
  const gallery = made.get(page) ?? new GalleryPart(page);
  made.set(page, gallery);
  if (!gallery.dialog.open) gallery.open();
}
