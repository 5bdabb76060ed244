// The history as a tree of thumbnails. Only what is in view is in the page.
import { button, fill, h, svg } from "../../core/dom.js";
import { counted } from "../../core/format.js";
import { clear, reconcile } from "../../core/reconcile.js";
import { imageUrl } from "../../core/session.js";
import { DIGEST_TYPE } from "../composer/composer.js";
import { layout } from "./layout.js";
import { openMenu } from "./menu.js";
import { moved } from "./moves.js";
import { describe, openPruned } from "./pruned.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { Job } from "../../core/store.js" */
/** @import { VersionRow } from "../../core/types.d.ts" */
/** @import { Place } from "./layout.js" */
/** @typedef {{id: string, parent: string | null, created_at: string, version?: VersionRow, job?: Job}} Item */

const CELL = { width: 84, height: 78 };
const THUMB = { width: 66, height: 54 };
const MARGIN_PX = 8;
const OVERSCAN_ROWS = 4;
const STARTED = 0.1;

class Tree {
  search = h("input", {
    type: "search",
    id: "kx-tree-search",
    placeholder: "Search",
    "aria-label": "Search versions",
    oninput: () => this.find(),
  });
  edges = svg("svg", { class: "kx-edges", "aria-hidden": "true" });
  nodes = h("div", { class: "kx-nodes" });
  space = h("div", { class: "kx-tree-space", role: "tree", "aria-label": "Versions" }, this.edges, this.nodes);
  scroller = h("div", { class: "kx-scroll kx-tree-scroll" }, this.space);
  count = h("span", { class: "kx-muted kx-grow", role: "status" });
  /** @type {Item[]} Parents first. */
  items = [];
  plan = layout([]);
  /** @type {Map<string, HTMLElement>} */
  elements = new Map();
  /** @type {Set<string> | null} What the search found. */
  found = null;
  /** @type {string | null} The one that the Tab key leads to. */
  active = null;
  /** @type {string | null} */
  head = null;

  /** @param {HTMLElement} root @param {Page} page */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    const pruned = button("kx-link", "Pruned", () => openPruned(page), { id: "kx-pruned" });
    const head = h("div", { class: "kx-row kx-tree-head" }, h("h2", {}, "History"), this.search);
    fill(root, head, this.scroller, h("div", { class: "kx-row kx-tree-foot" }, this.count, pruned));
    this.space.addEventListener("keydown", (event) => this.keyed(event));
    this.scroller.addEventListener("scroll", () => requestAnimationFrame(() => this.draw()), { passive: true });
    new ResizeObserver(() => requestAnimationFrame(() => this.draw())).observe(this.scroller);
    page.store.subscribe(["versions", "jobs", "project", "opened"], (changed) => this.changed(changed.has("opened")));
  }

  /** @param {boolean} anew another project was opened */
  changed(anew) {
    const { project } = this.page.store;
    if (!project) return;
    if (anew) {
      clear(this.nodes);
      this.head = null;
    }
    this.arrange();
    if (project.head === this.head) return;
    this.head = project.head;
    this.reveal(this.head);
    this.setActive(this.head, this.space.contains(document.activeElement));
  }

  arrange() {
    const { store } = this.page;
    const ghosts = store.openJobs().filter((job) => job.parent);
    this.items = [
      ...[...store.versions.values()].map((version) => ({ ...itemOf(version), version })),
      ...ghosts.map((job) => ({ ...itemOf(job), job })),
    ].sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
    this.plan = layout(this.items);
    const size = { width: this.plan.columns * CELL.width, height: this.plan.rows * CELL.height };
    const [width, height] = [size.width + MARGIN_PX, size.height + MARGIN_PX];
    Object.assign(this.space.style, { width: `${width}px`, height: `${height}px` });
    this.edges.setAttribute("width", String(width));
    this.edges.setAttribute("height", String(height));
    this.root.dataset.count = String(store.versions.size);
    this.draw();
  }

  draw() {
    const { store } = this.page;
    this.count.textContent = this.counted();
    const path = new Set(store.path().map((version) => version.id));
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.floor(scrollTop / CELL.height) - OVERSCAN_ROWS;
    const last = Math.ceil((scrollTop + clientHeight) / CELL.height) + OVERSCAN_ROWS;
    const inView = this.items.filter(({ id }) => {
      const row = this.plan.places.get(id)?.row ?? -1;
      return row >= first && row <= last;
    });
    this.elements = reconcile(this.nodes, inView, {
      key: ({ id }) => id,
      draw: (item) => this.node(item),
      refresh: (element, item) => this.place(element, item, path.has(item.id)),
    });
    this.edges.replaceChildren(...inView.flatMap((item) => this.edge(item, path.has(item.id))));
    if (this.active === null || !this.elements.has(this.active)) this.setActive(store.project?.head ?? null, false);
  }

  counted() {
    const { versions } = this.page.store;
    if (!versions.size) return "Every result will be kept here.";
    if (!this.found) return counted(versions.size, "version");
    const matches = [...this.found].filter((id) => versions.has(id)).length;
    return matches ? `${matches} of ${versions.size}` : "No version matches";
  }

  /** @param {Item} item */
  node({ id, version, job }) {
    if (!version) {
      const props = { class: "kx-node kx-ghost", "data-job": id, title: job?.instruction, "aria-hidden": "true" };
      return h("div", props, h("span", { class: "kx-ring" }));
    }
    const title = version.instruction || version.source?.filename || "";
    const element = h(
      "div",
      { class: "kx-node", role: "treeitem", tabindex: "-1", "data-version": id, title, draggable: "true" },
      h("img", { src: imageUrl(version.digest, "thumb"), alt: "", draggable: "false", ...THUMB }),
      h("span", { class: "kx-node-name" }),
    );
    element.addEventListener("click", () => this.select(id));
    element.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      openMenu(id, element, this.page);
    });
    element.addEventListener("dragstart", (event) => event.dataTransfer?.setData(DIGEST_TYPE, version.digest));
    return element;
  }

  /** @param {HTMLElement} element @param {Item} item @param {boolean} onPath */
  place(element, { id, version, job }, onPath) {
    const place = this.plan.places.get(id) ?? { row: 0, column: 0 };
    const { x, y } = cornerOf(place);
    element.style.transform = `translate(${x}px, ${y}px)`;
    if (job) element.style.setProperty("--done", String(job.fraction ?? STARTED));
    if (!version) return;
    element.setAttribute("aria-level", String(place.row + 1));
    element.setAttribute("aria-selected", String(id === this.page.store.project?.head));
    element.setAttribute("aria-label", describe(version));
    element.classList.toggle("kx-on-path", onPath);
    element.classList.toggle("kx-starred", version.starred);
    element.classList.toggle("kx-dim", this.found !== null && !this.found.has(id));
    /** @type {Element} */ (element.lastElementChild).textContent = version.name ?? "";
  }

  /** @param {Item} item @param {boolean} onPath */
  edge({ id, parent }, onPath) {
    const [above, below] = [this.plan.places.get(parent ?? ""), this.plan.places.get(id)];
    if (!above || !below) return [];
    const [from, to] = [cornerOf(above), cornerOf(below)];
    const [x0, y0, x1, y1] = [from.x + THUMB.width / 2, from.y + THUMB.height, to.x + THUMB.width / 2, to.y];
    const bend = x0 === x1 ? `V${y1}` : `C${x0} ${y0 + 18} ${x1} ${y0 + 2} ${x1} ${Math.min(y1, y0 + 24)} V${y1}`;
    return [svg("path", { d: `M${x0} ${y0} ${bend}`, class: onPath ? "kx-on-path" : "" })];
  }

  /** @param {string} id */
  select(id) {
    this.setActive(id, true);
    if (id !== this.page.store.project?.head) this.page.call("select", { version: id });
  }

  /** @param {string | null} id @param {boolean} focus */
  setActive(id, focus) {
    if (this.active) this.elements.get(this.active)?.setAttribute("tabindex", "-1");
    this.active = id;
    const element = id ? this.elements.get(id) : null;
    element?.setAttribute("tabindex", "0");
    if (focus) element?.focus({ preventScroll: true });
  }

  /** Scroll so that it is in view. @param {string | null} id */
  reveal(id) {
    const place = this.plan.places.get(id ?? "");
    if (!place) return;
    const { scroller } = this;
    const { clientWidth, clientHeight } = scroller;
    scroller.scrollTop = revealed(place.row * CELL.height, CELL.height, scroller.scrollTop, clientHeight);
    scroller.scrollLeft = revealed(place.column * CELL.width, CELL.width, scroller.scrollLeft, clientWidth);
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    const version = this.page.store.version(this.active);
    if (!version || event.ctrlKey || event.metaKey) return;
    const next = moved(event.key, version, this.page.store.versions);
    if (next) {
      this.reveal(next);
      this.setActive(next, true);
    } else if (event.key === "Enter" || event.key === " ") this.select(version.id);
    else if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) {
      const element = this.elements.get(version.id);
      if (element) openMenu(version.id, element, this.page);
    } else if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
  }

  async find() {
    const text = this.search.value.trim();
    if (!text) this.found = null;
    else {
      const answer = await this.page.call("search", { text });
      if (this.search.value.trim() !== text) return;
      this.found = new Set(answer.result ?? []);
      this.reveal(this.items.find(({ id }) => this.found?.has(id))?.id ?? null);
    }
    this.draw();
  }
}

/** @param {VersionRow | Job} row */
const itemOf = ({ id, parent, created_at }) => ({ id, parent, created_at });

/** @param {Place} place */
const cornerOf = ({ row, column }) => ({ x: column * CELL.width + MARGIN_PX, y: row * CELL.height + MARGIN_PX });

/** Where to scroll so that a stretch of a line is seen. @param {number} at @param {number} length @param {number} scrolled @param {number} room */
function revealed(at, length, scrolled, room) {
  return at < scrolled || at + length > scrolled + room ? at - room / 2 : scrolled;
}

/** @param {HTMLElement} root @param {Page} page */
export function mountTree(root, page) {
  new Tree(root, page);
}
