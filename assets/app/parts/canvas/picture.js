// The picture of the current version, and the part of it that an edit changed.
import { button, fill, h } from "../../core/dom.js";
import { percent } from "../../core/format.js";
import { imageUrl } from "../../core/session.js";
import { needsFull } from "../../elements/geometry.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { VersionRow } from "../../core/types.d.ts" */
/** @import { KxViewer } from "../../elements/kx-viewer.js" */

/** @param {VersionRow} version */
export function nameOf(version) {
  return version.instruction || version.source?.filename || "Opened picture";
}

export class Picture {
  image = h("img", { class: "kx-picture", alt: "", draggable: "false" });
  /** @type {VersionRow | null} What is seen now. */
  showing = null;
  /** @type {string | null} The version whose picture is on its way or here. */
  wanted = null;
  /** @type {string | null} The version whose own pixels are shown instead of a preview. */
  full = null;
  /** @type {string | null} The version that comes with a wipe. */
  reveals = null;

  /** @param {KxViewer} viewer @param {Page} page */
  constructor(viewer, page) {
    this.viewer = viewer;
    this.page = page;
    viewer.world.prepend(this.image);
    viewer.addEventListener("viewchange", () => this.sharpen());
  }

  /**
   * Keep the old picture until the new one is decoded, so that nothing flashes. Resolves to whether it is shown.
   * @param {VersionRow} version
   */
  async show(version) {
    this.wanted = version.id;
    const fresh = h("img", { class: "kx-picture", draggable: "false", alt: nameOf(version) });
    fresh.src = imageUrl(version.digest);
    const loaded = await fresh.decode().then(
      () => true,
      () => false,
    );
    if (this.wanted !== version.id) return false;
    if (!loaded) this.page.toast("This picture could not be loaded.");
    else this.put(fresh, version);
    return loaded;
  }

  /** @param {HTMLImageElement} fresh @param {VersionRow} version */
  put(fresh, version) {
    const { showing } = this;
    const wiped = this.reveals === version.id && showing?.width === version.width && showing.height === version.height;
    if (wiped) wipe(this.image, fresh);
    else this.image.replaceWith(fresh);
    this.reveals = null;
    this.image = fresh;
    this.showing = version;
    this.full = null;
    this.viewer.world.classList.toggle("kx-checker", version.alpha);
    this.viewer.world.hidden = false;
    this.viewer.resize(version);
  }

  clear() {
    this.showing = this.wanted = null;
    this.viewer.world.hidden = true;
  }

  /** Beyond what the preview can show, load the stored picture itself. */
  async sharpen() {
    const { showing, image } = this;
    if (!showing || this.full === showing.id || !needsFull(showing, this.viewer.view.scale, devicePixelRatio)) return;
    this.full = showing.id;
    const whole = new Image();
    whole.src = imageUrl(showing.digest, "full");
    await whole.decode().catch(() => null);
    if (this.image === image && whole.naturalWidth) image.src = whole.src;
  }
}

/** The new picture uncovers itself over the old one. @param {HTMLImageElement} old @param {HTMLImageElement} fresh */
function wipe(old, fresh) {
  old.after(fresh);
  fresh.classList.add("kx-arriving");
  const done = () => {
    fresh.classList.remove("kx-arriving");
    old.remove();
  };
  Promise.allSettled(fresh.getAnimations().map(({ finished }) => finished)).then(done);
}

/** Stripes over what an edit changed, and what can be done about it. */
export class Changes {
  overlay = h("div", { class: "kx-overlay", hidden: true });
  tools = h("div", { class: "kx-change-tools", hidden: true });
  on = false;

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
  }

  /** @param {VersionRow | null} version */
  draw(version) {
    const mask = version?.outcome?.change_mask ?? null;
    this.overlay.hidden = !this.on || !mask;
    if (mask) this.overlay.style.setProperty("--mask", `url("${imageUrl(mask, "full")}")`);
    this.tools.hidden = !this.on;
    if (!this.on || !version) return;
    fill(this.tools, h("span", {}, told(version)), version.outcome?.adjustable && this.adjusting(version));
  }

  /** @param {VersionRow} version */
  adjusting(version) {
    /** @param {string} label @param {number | string} how */
    const change = (label, how) =>
      button("kx-chip", label, () => this.page.call("change_mask", { version: version.id, how }));
    const grow_px = Math.max(2, Math.round(Math.max(version.width, version.height) / 250));
    const { mask } = this.page.store.draft;
    return [
      change("Widen the change", grow_px),
      change("Narrow the change", -grow_px),
      mask && change("Use the painted mask", mask),
      (version.outcome?.changed ?? 1) < 1 && change("Use the whole answer", "whole"),
    ];
  }
}

/** What the next edit is bounded by, drawn over the picture until it is removed. */
export class Marked {
  mask = h("div", { class: "kx-marked", hidden: true });
  region = h("div", { class: "kx-rectangle kx-marked-region", hidden: true });

  /** @param {VersionRow | null} version what is seen; `null` while a mask is painted @param {Page["store"]} store */
  draw(version, { draft, project }) {
    const here = version !== null && (draft.parent ?? project?.head) === version.id;
    const { mask, region } = draft;
    this.mask.hidden = !here || !mask;
    if (here && mask) this.mask.style.setProperty("--mask", `url("${imageUrl(mask, "full")}")`);
    this.region.hidden = !here || !region;
    if (!here || !region) return;
    const { x, y, width, height } = region;
    Object.assign(this.region.style, {
      left: `${x}px`,
      top: `${y}px`,
      width: `${width}px`,
      height: `${height}px`,
    });
  }
}

/** @param {VersionRow} version */
function told({ parent, outcome }) {
  if (!parent) return "This is the opened picture";
  return outcome?.change_mask ? `${percent(outcome.changed)} of the picture changed` : "The whole picture was changed";
}
