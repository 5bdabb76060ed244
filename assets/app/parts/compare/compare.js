// Two to four versions beside or over each other, each with its name on it, moved and zoomed together.
import { dialogOf } from "../../core/dialog.js";
import { button, fill, h, iconButton } from "../../core/dom.js";
import { icon } from "../../core/icons.js";
import { recalled, remember } from "../../core/remembered.js";
import { imageUrl } from "../../core/session.js";
import { askedFor, cut } from "../../core/versions.js";
import { needsFull } from "../../elements/geometry.js";
import "../../elements/kx-compare.js";
import "../../elements/kx-viewer.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { VersionRow } from "../../core/types.d.ts" */
/** @import { KxViewer } from "../../elements/kx-viewer.js" */
/** @typedef {"slider" | "side" | "blink" | "difference"} Mode */

/** @type {[Mode, string][]} */
const MODES = [
  ["slider", "Slider"],
  ["side", "Side by side"],
  ["blink", "Blink"],
  ["difference", "Difference"],
];
/** Slower than three flashes a second, which could hurt. */
const BLINK_MS = 800;
const LABEL_LENGTH = 60;

/** @param {VersionRow} version @param {Page} page */
function labelOf(version, page) {
  const current = version.id === page.store.project?.head ? " · current" : "";
  return `v${version.number}${current} · ${version.name || cut(askedFor(version), LABEL_LENGTH)}`;
}

/** A picture that fills its viewer's world; where its shape differs, it stands in the middle of it. @param {VersionRow} version */
function pictureOf(version) {
  const props = { class: "kx-picture kx-compared", alt: askedFor(version), draggable: "false" };
  return h("img", { ...props, src: imageUrl(version.digest) });
}

class Comparison {
  stage = h("div", { class: "kx-compare-stage" });
  /** @type {Mode} */
  mode;
  /** @type {KxViewer[]} */
  viewers = [];
  timer = 0;
  paused = matchMedia("(prefers-reduced-motion: reduce)").matches;
  second = false;

  /** @param {Page} page @param {VersionRow[]} versions */
  constructor(page, versions) {
    this.page = page;
    this.versions = versions;
    const kept = /** @type {Mode} */ (recalled("compare", "slider"));
    this.mode = versions.length > 2 ? "side" : kept;
    const modes = versions.length > 2 ? MODES.filter(([mode]) => mode === "side") : MODES;
    this.modes = modes.map(([mode, label]) =>
      button("kx-choice", label, () => this.look(mode), { "data-compare": mode }),
    );
    const swap = button("kx-chip", "Swap", () => this.swap(), { title: "Change places (X)" });
    const fit = iconButton(icon("fit"), "Fit to the window (0)", () => this.viewers[0]?.fit());
    const switching = h("div", { class: "kx-switch", role: "group", "aria-label": "How to compare" }, this.modes);
    const beside = [switching, versions.length === 2 && swap, fit];
    this.dialog = dialogOf("Compare", this.stage, { kind: "kx-comparing", beside });
    this.dialog.addEventListener("close", () => clearInterval(this.timer));
    this.dialog.addEventListener("keydown", (event) => this.keyed(event));
    this.look(this.mode);
  }

  /** @param {Mode} mode */
  look(mode) {
    this.mode = mode;
    if (this.versions.length === 2) remember("compare", mode);
    clearInterval(this.timer);
    for (const one of this.modes) one.setAttribute("aria-pressed", String(one.dataset.compare === mode));
    const show = { slider: () => this.slider(), side: () => this.side(), blink: () => this.blink() };
    this.stage.dataset.mode = mode;
    if (mode === "difference") this.difference();
    else show[mode]();
    requestAnimationFrame(() => {
      for (const viewer of this.viewers) viewer.fit();
    });
  }

  swap() {
    this.versions.reverse();
    this.look(this.mode);
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    const number = Number(event.key) - 1;
    if (event.key.toLowerCase() === "x" && this.versions.length === 2) this.swap();
    else if (event.key === " " && this.mode === "blink") this.pause();
    else if (event.key === "0") this.viewers[0]?.fit();
    else if (event.key === "+" || event.key === "=") this.viewers[0]?.zoomBy(1.25);
    else if (event.key === "-") this.viewers[0]?.zoomBy(1 / 1.25);
    else if (MODES[number] && this.modes[number] && !event.ctrlKey) this.look(MODES[number][0]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {VersionRow} version the one that gives the size @param {Node[]} pictures */
  viewer(version, ...pictures) {
    const viewer = h("kx-viewer", { class: "kx-stage-area", tabindex: "-1" });
    viewer.world.append(...pictures);
    viewer.world.hidden = false;
    return { viewer, size: () => viewer.resize(version) };
  }

  slider() {
    const [before, now] = this.versions;
    const { viewer, size } = this.viewer(now, pictureOf(now));
    const compare = h("kx-compare");
    viewer.append(compare);
    viewer.world.append(compare.picture);
    compare.viewer = viewer;
    compare.pictures = () => ({
      before: { src: imageUrl(before.digest), label: labelOf(before, this.page) },
      now: { src: imageUrl(now.digest), label: labelOf(now, this.page) },
    });
    viewer.addEventListener("viewchange", () => compare.place());
    this.put([{ viewer, versions: [now, before] }]);
    size();
    compare.show("slider");
  }

  side() {
    const panes = this.versions.map((version) => {
      const { viewer, size } = this.viewer(version, pictureOf(version));
      viewer.append(h("div", { class: "kx-labels" }, h("span", {}, labelOf(version, this.page))));
      return { viewer, size, versions: [version] };
    });
    this.put(panes);
    for (const { size } of panes) size();
    this.moveTogether();
  }

  blink() {
    const [first, second] = this.versions;
    const pictures = [pictureOf(first), pictureOf(second)];
    const { viewer, size } = this.viewer(second, ...pictures);
    const label = h("span", { role: "status" });
    const stop = button("kx-chip kx-blink-stop", "", () => this.pause());
    viewer.append(h("div", { class: "kx-labels" }, label), stop);
    this.put([{ viewer, versions: [first, second] }]);
    size();
    this.drawBlink = () => {
      pictures[1].hidden = !this.second;
      label.textContent = labelOf(this.versions[this.second ? 1 : 0], this.page);
      fill(stop, this.paused ? "Show the other (Space)" : "Stop (Space)");
    };
    this.drawBlink();
    if (!this.paused) this.startBlinking();
  }

  drawBlink = () => {};

  startBlinking() {
    this.timer = window.setInterval(() => this.turn(), BLINK_MS);
  }

  turn() {
    this.second = !this.second;
    this.drawBlink();
  }

  /** Once it stands still, each press shows the other. */
  pause() {
    if (this.paused) return this.turn();
    this.paused = true;
    clearInterval(this.timer);
    this.drawBlink();
  }

  difference() {
    const [before, now] = this.versions;
    const over = pictureOf(before);
    over.classList.add("kx-subtracted");
    const { viewer, size } = this.viewer(now, pictureOf(now), over);
    viewer.world.classList.add("kx-difference");
    const what = `What differs between ${labelOf(before, this.page)} and ${labelOf(now, this.page)}; black is the same`;
    viewer.append(h("div", { class: "kx-labels" }, h("span", {}, what)));
    this.put([{ viewer, versions: [now, before] }]);
    size();
  }

  /** @param {{viewer: KxViewer, versions: VersionRow[]}[]} panes */
  put(panes) {
    this.viewers = panes.map(({ viewer }) => viewer);
    this.stage.dataset.panes = String(panes.length);
    fill(this.stage, this.viewers);
    for (const { viewer, versions } of panes) viewer.addEventListener("viewchange", () => sharpen(viewer, versions));
  }

  /** One zoom for all: each shows the same place of its picture at the same share of its size. */
  moveTogether() {
    let moving = false;
    for (const viewer of this.viewers) {
      viewer.addEventListener("viewchange", () => {
        if (moving) return;
        moving = true;
        for (const other of this.viewers) if (other !== viewer) follow(other, viewer);
        moving = false;
      });
    }
  }
}

/** @param {KxViewer} other @param {KxViewer} viewer */
function follow(other, viewer) {
  const ratio = viewer.picture.width / other.picture.width;
  other.fitted = viewer.fitted;
  if (viewer.fitted) other.fit();
  else other.view = { ...viewer.view, scale: viewer.view.scale * ratio };
  other.place();
}

/** Beyond what the previews can show, load the stored pictures. @param {KxViewer} viewer @param {VersionRow[]} versions */
function sharpen(viewer, versions) {
  for (const version of versions) {
    if (!needsFull(version, viewer.view.scale, devicePixelRatio)) continue;
    const preview = imageUrl(version.digest);
    for (const image of viewer.world.querySelectorAll("img")) {
      if (image.src === preview) image.src = imageUrl(version.digest, "full");
    }
  }
}

/** @param {Page} page @param {string[]} ids */
export function openCompare(page, ids) {
  const versions = ids.flatMap((id) => page.store.version(id) ?? []);
  if (versions.length > 1) new Comparison(page, versions);
}
