// The picture: view, compare, mask, what changed, zoom, download.
import { PAGE } from "../../core/commands.js";
import { button, fill, h, named, setState } from "../../core/dom.js";
import { capital } from "../../core/format.js";
import { offered, tooltipOf } from "../../core/lookup.js";
import { commandButton, pageCommand } from "../../core/offer.js";
import { roving, stopAt, stopOf } from "../../core/roving.js";
import { imageUrl } from "../../core/session.js";
import { askedFor, cut } from "../../core/versions.js";
import "../../elements/kx-compare.js";
import "../../elements/kx-mask.js";
import "../../elements/kx-viewer.js";
import { Tray } from "../answers.js";
import { maskTools } from "./mask_tools.js";
import { emptyState, fileOpener, takeFiles } from "./opening.js";
import { Changes, Marked, Picture } from "./picture.js";

/** @import { Place } from "../../core/commands.js" */
/** @import { Canvas, Mode, Page } from "../../core/page.d.ts" */
/** @import { VersionRow } from "../../core/types.d.ts" */

const LABEL_LENGTH = 60;

/** @implements {Canvas} */
class CanvasPart {
  viewer = h("kx-viewer", { class: "kx-stage-area", tabindex: "-1" });
  compare = h("kx-compare");
  mask = h("kx-mask");
  zoom = button("kx-link kx-zoom", "", () => this.toggleZoom(), { title: "Actual pixels (1), or all of it (0)" });
  /** @type {Map<string, HTMLButtonElement>} */
  buttons = new Map();

  /** @param {HTMLElement} root @param {Page} page */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.picture = new Picture(this.viewer, page);
    this.changes = new Changes(page);
    this.marked = new Marked();
    this.maskTools = maskTools({ page, mask: this.mask, close: () => this.closeMask() });
    this.running = new Running();
    this.assemble();
    this.viewer.addEventListener("viewchange", () => {
      const percent = `${Math.round(this.viewer.view.scale * 100)}%`;
      this.zoom.textContent = percent;
      this.zoom.setAttribute("aria-label", `Zoom ${percent}: actual pixels, or all of it`);
      this.compare.place();
    });
    page.store.subscribe(["project", "versions", "opened", "draft"], (changed) => this.draw(changed.has("opened")));
    page.store.subscribe(["jobs", "project", "opened"], () => this.running.draw(page.store.runningHere()));
  }

  assemble() {
    const { page, root, viewer, compare, mask } = this;
    const openFiles = fileOpener(page, root);
    this.empty = emptyState(page, openFiles);
    takeFiles(root, openFiles);
    const [left, right] = [this.toolButtons("tools"), this.toolButtons("view tools")];
    left.splice(2, 0, h("span", { class: "kx-gap" }));
    const bar = { class: "kx-toolbar", role: "toolbar", "aria-label": "Picture tools" };
    this.toolbar = roving(h("div", bar, left, h("span", { class: "kx-grow" }), this.zoom, right));
    const stage = h("div", { class: "kx-stage-wrap" }, viewer, this.empty, this.running.element);
    fill(root, this.toolbar, this.maskTools.element, this.changes.tools, stage, new Tray(page).element);
    viewer.append(compare);
    viewer.world.append(compare.picture, this.changes.overlay, this.marked.mask, this.marked.region);
    mask.attach(viewer);
    compare.viewer = viewer;
    compare.pictures = () => this.compared();
    compare.addEventListener("modechange", () => {
      if (compare.mode !== "off") this.closeMask();
      this.showMode();
    });
    this.showMode();
  }

  /** @param {Place} place @returns {HTMLElement[]} */
  toolButtons(place) {
    const commands = PAGE.filter((command) => command.places?.includes(place));
    return commands.map((command) => {
      const shown = commandButton(command, this.page, undefined, { id: `kx-${command.id}` });
      this.buttons.set(command.id, shown);
      return shown;
    });
  }

  /** @returns {Mode} */
  get mode() {
    if (this.mask.isOpen) return "mask";
    return this.compare.mode === "off" ? "view" : "compare";
  }

  /** For styles and assistive technology; nothing reads it back. */
  showMode() {
    this.root.dataset.mode = this.mode;
    for (const [id, on] of /** @type {[string, boolean][]} */ ([
      ["compare", this.mode === "compare"],
      ["mask", this.mode === "mask"],
      ["changed", this.changes.on],
    ])) {
      const shown = this.buttons.get(id);
      if (shown) setState(shown, "pressed", on);
    }
  }

  /** @param {boolean} anew another project was opened */
  draw(anew) {
    const { store } = this.page;
    const head = store.head();
    if (this.empty) this.empty.hidden = Boolean(head) || !store.ready;
    this.toolbar?.classList.toggle("kx-idle", !head);
    const possible = new Set(
      [...offered(PAGE, "tools", this.page, undefined), ...offered(PAGE, "view tools", this.page, undefined)].map(
        ({ id }) => id,
      ),
    );
    for (const [id, shown] of this.buttons) {
      shown.disabled = !possible.has(id);
      named(shown, tooltipOf(pageCommand(id), this.page, undefined));
    }
    if (this.toolbar) stopAt(this.toolbar, stopOf(this.toolbar) ?? this.toolbar);
    if (!head) {
      this.picture.clear();
      delete this.root.dataset.version;
    } else if (anew || head.id !== this.picture.wanted) this.show(head);
    else if (this.picture.showing?.id === head.id) {
      this.picture.showing = head;
      this.changes.draw(head);
      if (!this.mask.isOpen) this.marked.draw(head, store);
    }
  }

  /** @param {VersionRow} head */
  async show(head) {
    if (!(await this.picture.show(head))) return;
    this.changes.draw(head);
    this.marked.draw(this.mask.isOpen ? null : head, this.page.store);
    this.root.dataset.version = head.id;
    requestAnimationFrame(() =>
      setTimeout(() => {
        this.root.dataset.painted = head.id;
      }),
    );
    this.compare.refresh();
    if (this.mask.isOpen) this.mask.open(head);
  }

  compared() {
    const { store } = this.page;
    const now = store.head();
    const before = store.version(now?.parent);
    if (!now || !before) {
      this.page.toast("There is no version before this one to compare with.");
      return null;
    }
    return { before: shown(before), now: shown(now) };
  }

  /** @param {string} version */
  reveal(version) {
    this.picture.reveals = version;
  }

  leave() {
    this.compare.show("off");
    this.closeMask();
  }

  toggleCompare() {
    this.compare.toggle();
  }

  pressCompare() {
    this.compare.press();
  }

  releaseCompare() {
    this.compare.release();
  }

  /** @param {boolean} on */
  peek(on) {
    this.compare.peek(on);
  }

  toggleMask() {
    const head = this.page.store.head();
    if (this.mask.isOpen || !head) return this.closeMask();
    if (this.compare.mode !== "off") this.compare.show("off");
    if (this.changes.on) this.toggleChanged(); // painting over a coloured picture says nothing
    this.mask.open(head);
    this.maskTools.element.hidden = false;
    this.maskTools.open();
    this.marked.draw(null, this.page.store);
    this.showMode();
  }

  settleMask() {
    return this.mask.isOpen ? this.maskTools.settle() : Promise.resolve();
  }

  closeMask() {
    if (!this.mask.isOpen) return;
    this.maskTools.settle();
    this.mask.close();
    this.maskTools.element.hidden = true;
    this.maskTools.reset();
    this.marked.draw(this.picture.showing, this.page.store);
    this.showMode();
  }

  /** @param {number} factor */
  growBrush(factor) {
    this.mask.setBrush(this.mask.brush_px * factor);
  }

  undoMask() {
    this.mask.undo();
  }

  redoMask() {
    this.mask.redo();
  }

  toggleChanged() {
    this.changes.on = !this.changes.on;
    if (this.changes.on) this.closeMask();
    this.changes.draw(this.picture.showing);
    this.showMode();
  }

  toggleZoom() {
    if (this.viewer.view.scale === 1) this.fit();
    else this.zoomTo(1);
  }

  /** @param {number} factor */
  zoomBy(factor) {
    this.viewer.zoomBy(factor);
  }

  /** @param {number} scale */
  zoomTo(scale) {
    this.viewer.zoomTo(scale);
  }

  fit() {
    this.viewer.fit();
  }
}

/** How far the newest edit of this version is, over the picture. */
class Running {
  bar = h("progress", { max: 1, "aria-label": "Progress of the edit" });
  stage = h("span", {});
  element = h("div", { class: "kx-canvas-running", hidden: true }, this.bar, this.stage);

  /** @param {import("../../core/store.js").Job | null} job */
  draw(job) {
    this.element.hidden = !job;
    if (!job) return;
    if (typeof job.fraction === "number") this.bar.value = job.fraction;
    else this.bar.removeAttribute("value");
    this.stage.textContent = capital(job.stage || "Working");
  }
}

/** @param {VersionRow} version */
function shown(version) {
  return {
    src: imageUrl(version.digest),
    label: `v${version.number} · ${version.name || cut(askedFor(version), LABEL_LENGTH)}`,
  };
}

/**
 * @param {HTMLElement} root
 * @param {Page} page
 * @returns {Canvas}
 */
export function mountCanvas(root, page) {
  return new CanvasPart(root, page);
}
