// The history as a list: what was asked for, its picture, its number. Only what is in view is in the page.
import { PAGE } from "../../core/commands.js";
import { button, fill, h } from "../../core/dom.js";
import { counted } from "../../core/format.js";
import { onMenuWanted } from "../../core/held.js";
import { offered } from "../../core/lookup.js";
import { commandButton } from "../../core/offer.js";
import { clear, reconcile } from "../../core/reconcile.js";
import { DIGEST_TYPE } from "../../core/transfer.js";
import { differsBy } from "../../core/versions.js";
import { Family } from "./family.js";
import { fold, hits } from "./finding.js";
import { openHidden } from "./hidden.js";
import { keyed } from "./keys.js";
import { below, middleOf, openMenu } from "./menu.js";
import { colourRails, foldRow, heightOf, jobRow, refreshJob, refreshVersion, runningOf, versionRow } from "./node.js";
import { outline } from "./outline.js";
import { RowsInView } from "./rows_in_view.js";

/** @import { History, Page } from "../../core/page.d.ts" */
/** @import { VersionRow } from "../../core/types.d.ts" */
/** @import { Entry } from "./outline.js" */

/** How far a branch is read to say what it is about. */
const READ = 40;

/** @implements {History} */
export class Tree {
  search = h("input", {
    type: "search",
    id: "kx-tree-search",
    placeholder: "Search",
    "aria-label": "Search versions",
    oninput: () => this.find(),
    onkeydown: (event) => this.searching(event),
  });
  space = h("div", { class: "kx-tree-space", role: "tree", "aria-label": "Versions" });
  scroller = h("div", { class: "kx-scroll kx-tree-scroll" }, this.space);
  count = h("span", { class: "kx-muted kx-grow", role: "status" });
  toHead = button("kx-link", "To current", () => this.toCurrent(), {
    hidden: true,
    "aria-label": "To the current version",
    title: "To the current version (.)",
  });
  /** @type {Family<VersionRow>} */
  family = new Family([]);
  /** @type {Entry[]} */
  entries = [];
  rows = new RowsInView();
  /** @type {Map<string, number>} */
  places = new Map();
  /** @type {Map<string, HTMLElement>} */
  elements = new Map();
  /** @type {Set<string>} First versions of the runs and branches that were opened. */
  opened = new Set();
  /** @type {Set<string>} */
  path = new Set();
  /** @type {string | null} The row that the Tab key leads to. */
  active = null;
  /** @type {string | null} */
  head = null;
  needle = "";

  /** @param {HTMLElement} root @param {Page} page */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    const hidden = button("kx-link", "Hidden", () => openHidden(page), { id: "kx-pruned", hidden: true });
    page.store.subscribe(["project"], () => {
      const count = page.store.project?.hidden_count ?? 0;
      hidden.hidden = !count;
      hidden.textContent = `Hidden (${count})`;
    });
    this.commands = PAGE.filter(({ places }) => places?.includes("history")).map((command) => {
      const shown = commandButton(command, page, undefined, { id: `kx-${command.id}` });
      return { command, shown };
    });
    const buttons = this.commands.map(({ shown }) => shown);
    const head = h("div", { class: "kx-row kx-tree-head" }, h("h2", {}, "History"), this.search, buttons);
    const foot = h("div", { class: "kx-row kx-tree-foot" }, this.count, this.toHead, hidden);
    fill(root, head, this.scroller, foot);
    this.listen();
    page.store.subscribe(["versions", "jobs", "project", "opened"], (changed) => this.changed(changed.has("opened")));
  }

  listen() {
    const { space, scroller } = this;
    space.addEventListener("keydown", (event) => keyed(this, event));
    space.addEventListener("click", (event) => this.clicked(event));
    space.addEventListener("dragstart", (event) => {
      const version = this.page.store.version(versionAt(event.target)?.dataset.version);
      if (version) event.dataTransfer?.setData(DIGEST_TYPE, version.digest);
    });
    onMenuWanted(space, "[data-version]", (element, at) => this.openMenu(element, at));
    const draw = () => requestAnimationFrame(() => this.draw());
    scroller.addEventListener("scroll", draw, { passive: true });
    new ResizeObserver(() => requestAnimationFrame(() => this.resized())).observe(scroller);
  }

  /** Who saw the current version goes on seeing it. */
  resized() {
    if (this.toHead.hidden && !this.needle) this.reveal(this.head);
    this.draw();
  }

  /** @param {boolean} anew another project was opened */
  changed(anew) {
    const { store } = this.page;
    if (!store.project) return;
    if (anew) {
      clear(this.space);
      this.opened.clear();
      this.head = null;
    }
    const moved = store.project.head !== this.head;
    this.head = store.project.head;
    this.arrange();
    for (const { command, shown } of this.commands) {
      shown.disabled = offered([command], "history", this.page, undefined).length === 0;
    }
    if (!moved) return;
    this.reveal(this.head);
    this.setActive(this.head, this.space.contains(document.activeElement));
  }

  arrange() {
    const { store } = this.page;
    this.family = new Family([...store.versions.values()].sort((a, b) => a.number - b.number));
    this.path = this.family.above(this.head);
    this.entries = this.needle ? hits(this.page.store, this.needle) : this.outlined();
    this.places = new Map(this.entries.map(({ key }, index) => [key, index]));
    this.rows.measure(this.entries.map(heightOf));
    this.space.style.height = `${this.rows.height}px`;
    this.root.dataset.count = String(store.versions.size);
    this.count.textContent = this.counted();
    this.draw();
  }

  outlined() {
    return outline(this.family, { head: this.head, kept: new Set(), opened: this.opened, jobs: runningOf(this.page) });
  }

  counted() {
    const { versions } = this.page.store;
    if (!versions.size) return "Every result will be kept here.";
    if (!this.needle) return counted(versions.size, "version");
    if (!this.entries.length) return "No version matches";
    const at = this.places.get(this.active ?? "");
    return `${at === undefined ? "" : `${at + 1} of `}${counted(this.entries.length, "hit")} in ${versions.size}`;
  }

  draw() {
    const { scrollTop, clientHeight } = this.scroller;
    const [first, last] = this.rows.range(scrollTop, clientHeight);
    const shown = this.entries.slice(first, last);
    // The row with the focus stays in the page however far it is scrolled away, or the focus would be lost.
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.key;
    const at = focused === undefined ? undefined : this.places.get(focused);
    if (at !== undefined && at < first) shown.unshift(this.entries[at]);
    if (at !== undefined && at >= last) shown.push(this.entries[at]);
    this.elements = reconcile(this.space, shown, {
      key: ({ key }) => key,
      stamp: stampOf,
      draw: (entry) => this.row(entry),
      refresh: (element, entry) => this.place(element, entry),
    });
    const head = this.places.get(this.head ?? "");
    const seen = head !== undefined && this.rows.reveal(head, scrollTop, clientHeight) === scrollTop;
    this.toHead.hidden = seen || !this.head;
    if (this.active === null || !this.places.has(this.active))
      this.setActive(this.entries[head ?? 0]?.key ?? null, false);
    else this.elements.get(this.active)?.setAttribute("tabindex", "0");
  }

  /** @param {Entry} entry */
  row(entry) {
    const element = this.drawn(entry);
    element.dataset.key = entry.key;
    return element;
  }

  /** @param {Entry} entry */
  drawn(entry) {
    if (entry.kind === "version") return versionRow(entry);
    if (entry.kind === "fold") return foldRow(entry, () => this.toggle(entry));
    return jobRow(entry, this.page.store.version(entry.job.parent));
  }

  /** @param {HTMLElement} element @param {Entry} entry */
  place(element, entry) {
    element.style.transform = `translateY(${this.rows.tops[this.places.get(entry.key) ?? 0]}px)`;
    this.colour(element, entry);
    if (entry.kind === "job") refreshJob(element, entry.job, (this.family.depths.get(entry.job.parent ?? "") ?? 0) + 1);
    if (entry.kind === "fold") element.setAttribute("aria-level", String(this.family.depths.get(entry.hidden[0].id)));
    if (entry.kind !== "version") return;
    const { id } = entry.version;
    const siblings = this.family.childrenOf(entry.version.parent ?? "");
    element.setAttribute("aria-setsize", String(siblings.length || this.family.roots.length));
    const number = (siblings.length ? siblings : this.family.roots).findIndex((one) => one.id === id);
    element.setAttribute("aria-posinset", String(number + 1));
    refreshVersion(element, entry, {
      head: id === this.head,
      onPath: this.path.has(id),
      level: this.family.depths.get(id) ?? 1,
      differs: entry.side && entry.more ? this.differs(entry.version) : "",
      toggle: () => this.toggle(entry),
    });
  }

  /** @param {HTMLElement} element @param {Entry} entry */
  colour(element, entry) {
    const outer = entry.from.map((left) => this.path.has(this.family.next(left)?.id ?? ""));
    const own = entry.kind === "version" ? entry.version.id : entry.kind === "fold" ? entry.hidden[0].id : "";
    colourRails(element, [...outer, this.path.has(own)]);
  }

  /** @param {VersionRow} first */
  differs(first) {
    const beside = this.family.next(first.parent ?? "");
    const [own, other] = [this.family.line(first, READ), beside ? this.family.line(beside, READ) : []];
    return differsBy(own.slice(1), [first, ...other]);
  }

  /** Open or close a branch or a run. @param {Entry} entry */
  toggle(entry) {
    if (entry.kind === "job" || (entry.kind === "version" && entry.open === null)) return;
    const first = entry.kind === "fold" ? entry.hidden[0].id : entry.version.id;
    const focused = this.space.contains(document.activeElement);
    if (entry.kind === "version" && entry.open) this.opened.delete(first);
    else this.opened.add(first);
    this.arrange();
    this.setActive(first, focused);
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const element = versionAt(event.target);
    const id = element?.dataset.version;
    const pressed = /** @type {Element} */ (event.target).closest("button");
    if (!element || !id) return;
    if (pressed?.classList.contains("kx-node-menu")) this.openMenu(element, below(pressed));
    else if (!pressed) this.select(id);
  }

  /** @param {HTMLElement | undefined} element @param {{x: number, y: number} | null} at */
  openMenu(element, at) {
    const id = element?.dataset.version;
    if (!element || !id) return;
    this.setActive(id, false);
    openMenu(id, element, this.page, { at });
  }

  /** @param {string} id */
  select(id) {
    this.setActive(id, true);
    if (id !== this.page.store.project?.head) this.page.call("select", { version: id });
  }

  /** @param {string | null} key @param {boolean} focus */
  setActive(key, focus) {
    if (this.active) this.elements.get(this.active)?.setAttribute("tabindex", "-1");
    this.active = key;
    if (this.needle) this.count.textContent = this.counted();
    const element = key ? this.elements.get(key) : null;
    element?.setAttribute("tabindex", "0");
    if (focus) element?.focus({ preventScroll: true });
  }

  /** Take the focus there. @param {string | null} key */
  goTo(key) {
    if (!this.places.has(key ?? "")) return;
    this.reveal(key);
    this.setActive(key, true);
  }

  /** Scroll so that it is in view. @param {string | null} key */
  reveal(key) {
    const row = this.places.get(key ?? "");
    if (row === undefined) return;
    const { scroller } = this;
    scroller.scrollTop = this.rows.reveal(row, scroller.scrollTop, scroller.clientHeight);
    this.draw();
  }

  toCurrent() {
    if (this.needle) this.clearSearch();
    this.page.show("tree");
    this.reveal(this.head);
    this.setActive(this.head, true);
  }

  menu() {
    const picture = /** @type {HTMLElement | null} */ (document.querySelector("#kx-canvas kx-viewer"));
    if (picture && this.head) openMenu(this.head, picture, this.page, { at: middleOf(picture) });
  }

  find() {
    const text = fold(this.search.value);
    if (text === this.needle) return;
    this.needle = text;
    this.root.classList.toggle("kx-searching", Boolean(text));
    clear(this.space);
    this.arrange();
    this.scroller.scrollTop = 0;
    if (text) this.setActive(this.entries[0]?.key ?? null, false);
    else this.reveal(this.head);
  }

  clearSearch() {
    this.search.value = "";
    this.find();
  }

  /** Enter walks through the hits, the arrow goes into their list. @param {KeyboardEvent} event */
  searching(event) {
    const at = this.places.get(this.active ?? "") ?? -1;
    if (event.key === "Escape" && this.needle) this.clearSearch();
    else if (event.key === "ArrowDown" && this.entries.length) {
      this.reveal(this.active);
      this.setActive(this.active ?? this.entries[0].key, true);
    } else if (event.key === "Enter" && this.needle && this.entries.length) {
      const next = (at + (event.shiftKey ? -1 : 1) + this.entries.length) % this.entries.length;
      this.reveal(this.entries[next].key);
      this.setActive(this.entries[next].key, false);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** A row is drawn again when this changes. @param {Entry} entry */
function stampOf(entry) {
  const depth = entry.from.length;
  if (entry.kind === "job") return `${depth} ${entry.job.state}`;
  return entry.kind === "version" ? `${depth} ${entry.side} ${entry.last}` : `${depth} ${entry.hidden.length}`;
}

/** @param {EventTarget | null} target @returns {HTMLElement | null} */
function versionAt(target) {
  return target instanceof Element ? target.closest("[data-version]") : null;
}

/** @param {HTMLElement} root @param {Page} page @returns {History} */
export function mountTree(root, page) {
  const tree = new Tree(root, page);
  const picture = /** @type {HTMLElement | null} */ (document.getElementById("kx-canvas"));
  if (picture) {
    onMenuWanted(picture, "kx-viewer", (viewer, at) => {
      if (page.canvas.mode !== "mask" && tree.head) openMenu(tree.head, viewer, page, { at });
    });
  }
  return tree;
}
