// Painting where the edit may work, at the photo's own resolution up to 4096 pixels on the longest side.
import { h, svg } from "../core/dom.js";
import { maskSize, rectangleBetween } from "./geometry.js";
import { blackAndWhite, fillShape, growInk, inked, invert, shareOf, stroke } from "./painting.js";

/** @import { Point, Rectangle, Size } from "./geometry.js" */
/** @import { KxViewer } from "./kx-viewer.js" */
/** @typedef {"brush" | "eraser" | "lasso" | "rectangle"} Tool */

const MAX_SIDE_PX = 4096;
const UNDO_BYTES = 256e6;
const BRUSH_PX = { least: 4, most: 600, first: 80 };
/** Smaller ones are slips of the hand. */
const LEAST_RECTANGLE_PX = 16;
const LEAST_LASSO_POINTS = 3;

/**
 * Lies in a viewer's world. Fires "brushchange", "painted" after every stroke and step, and "rectangle" once one was
 * drawn: `drawn` holds it.
 */
export class KxMask extends HTMLElement {
  canvas = h("canvas", { class: "kx-mask-canvas" });
  box = h("div", { class: "kx-rectangle", hidden: true });
  /** What a lasso has gone round so far. */
  outline = svg("polygon", { points: "" });
  lasso = svg("svg", { class: "kx-lasso", "aria-hidden": "true" }, this.outline);
  /** @type {Point[]} In pixels of the picture. */
  round = [];
  /** The brush's outline; it lies over the viewer, so that it does not zoom. */
  ring = h("div", { class: "kx-brush", hidden: true });
  context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { willReadFrequently: true }));
  /** @type {KxViewer | null} */
  viewer = null;
  /** @type {Tool} */
  tool = "brush";
  /** In pixels of the picture. */
  brush_px = BRUSH_PX.first;
  /** @type {Rectangle | null} */
  drawn = null;
  /** @type {ImageData[]} */
  done = [];
  /** @type {ImageData[]} */
  undone = [];
  /** @type {Point | null} */
  last = null;
  /** @type {Point | null} */
  corner = null;
  paintedFor = "";
  /** Whether something was painted since `touched` was last set to false. */
  touched = false;

  isOpen = false;

  /** @param {KxViewer} viewer */
  attach(viewer) {
    this.viewer = viewer;
    this.hidden = true;
    viewer.world.append(this);
    viewer.append(this.ring);
    this.append(this.canvas, this.box, this.lasso);
    viewer.addEventListener("pointerdown", (event) => this.pressed(event));
    viewer.addEventListener("pointermove", (event) => this.moved(event));
    viewer.addEventListener("pointerup", () => this.released());
    viewer.addEventListener("pointercancel", () => this.released());
    viewer.addEventListener("pointerleave", () => {
      this.ring.hidden = true;
    });
  }

  /** A picture of another size starts with an empty mask. @param {Size} picture */
  open(picture) {
    const size = `${picture.width}x${picture.height}`;
    if (this.paintedFor !== size) {
      this.paintedFor = size;
      Object.assign(this.canvas, maskSize(picture, MAX_SIDE_PX));
      this.lasso.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
      this.done = [];
      this.undone = [];
      this.setBrush(Math.round(Math.max(picture.width, picture.height) / 16));
    }
    this.isOpen = true;
    this.hidden = false;
    if (this.viewer) this.viewer.painting = true;
  }

  close() {
    this.isOpen = false;
    this.hidden = this.ring.hidden = true;
    if (this.viewer) this.viewer.painting = false;
  }

  /** @param {number} pixels */
  setBrush(pixels) {
    this.brush_px = Math.max(BRUSH_PX.least, Math.min(BRUSH_PX.most, pixels));
    this.dispatchEvent(new Event("brushchange"));
  }

  undo() {
    this.step(this.done, this.undone);
  }

  redo() {
    this.step(this.undone, this.done);
  }

  clear() {
    this.remember();
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.painted();
  }

  invert() {
    this.remember();
    invert(this.context, this.canvas);
    this.painted();
  }

  /** By pixels of the picture; below 0 it shrinks. @param {number} pixels */
  grow(pixels) {
    this.remember();
    growInk(this.context, this.canvas, pixels * this.scale);
    this.painted();
  }

  /** Pixels of the mask for one of the picture. */
  get scale() {
    return this.canvas.width / (this.viewer?.picture.width ?? this.canvas.width);
  }

  painted() {
    this.touched = true;
    this.dispatchEvent(new Event("painted"));
  }

  /** A stored mask becomes what is painted. @param {HTMLImageElement} stored */
  paint(stored) {
    const pixels = inked(stored, this.canvas);
    this.remember();
    this.context.putImageData(pixels, 0, 0);
    this.painted();
  }

  /** The share of the picture that is painted, 0..1, counted on a small copy. */
  share() {
    return shareOf(this.canvas);
  }

  /** A picture, white where it is painted; `null` when nothing is. */
  result() {
    return blackAndWhite(this.canvas);
  }

  current() {
    return this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }

  remember() {
    this.done.push(this.current());
    const bytes = this.canvas.width * this.canvas.height * 4;
    while (this.done.length > 3 && this.done.length * bytes > UNDO_BYTES) this.done.shift();
    this.undone = [];
  }

  /** @param {ImageData[]} from @param {ImageData[]} to */
  step(from, to) {
    const state = from.pop();
    if (!state) return;
    to.push(this.current());
    this.context.putImageData(state, 0, 0);
    this.painted();
  }

  /** @param {Point} to in pixels of the picture */
  strokeTo(to) {
    const { scale } = this;
    const [from, end] = [this.last ?? to, to].map(({ x, y }) => ({ x: x * scale, y: y * scale }));
    stroke(this.context, from, end, { width: this.brush_px * scale, erases: this.tool === "eraser" });
    this.last = to;
  }

  /** @param {PointerEvent} event */
  pressed(event) {
    if (!this.viewer || !this.isOpen || event.button !== 0 || event.shiftKey || this.viewer.pointers.size > 1) return;
    this.viewer.setPointerCapture(event.pointerId);
    const at = this.viewer.toPicture(event);
    this.last = null;
    if (this.tool === "rectangle") {
      this.corner = at;
      this.drawBox(at);
    } else if (this.tool === "lasso") this.goRound(at);
    else {
      this.remember();
      this.strokeTo(at);
    }
  }

  /** @param {PointerEvent} event */
  moved(event) {
    if (!this.viewer || !this.isOpen) return;
    this.moveRing(this.viewer, event);
    if (this.corner) this.drawBox(this.viewer.toPicture(event));
    else if (this.round.length) this.goRound(this.viewer.toPicture(event));
    else if (this.last)
      for (const part of event.getCoalescedEvents?.() ?? [event]) this.strokeTo(this.viewer.toPicture(part));
  }

  released() {
    if (this.last) this.painted();
    this.last = null;
    this.box.hidden = true;
    if (this.round.length) this.closeLasso();
    if (!this.corner) return;
    this.corner = null;
    const { drawn } = this;
    if (!drawn || drawn.width < LEAST_RECTANGLE_PX || drawn.height < LEAST_RECTANGLE_PX) return;
    this.dispatchEvent(new Event("rectangle"));
  }

  /** @param {Point} to */
  goRound(to) {
    this.round.push(to);
    this.outline.setAttribute("points", this.round.map(({ x, y }) => `${x},${y}`).join(" "));
  }

  /** What was gone round is filled. */
  closeLasso() {
    const { scale, round } = this;
    this.round = [];
    this.outline.setAttribute("points", "");
    if (round.length < LEAST_LASSO_POINTS) return;
    this.remember();
    fillShape(
      this.context,
      round.map(({ x, y }) => ({ x: x * scale, y: y * scale })),
    );
    this.painted();
  }

  /** @param {KxViewer} viewer @param {PointerEvent} event */
  moveRing(viewer, event) {
    const here = viewer.local(event);
    const across = this.brush_px * viewer.view.scale;
    this.ring.hidden = this.tool === "rectangle" || this.tool === "lasso" || event.pointerType === "touch";
    const [left, top] = [here.x - across / 2, here.y - across / 2];
    Object.assign(this.ring.style, { width: `${across}px`, height: `${across}px`, left: `${left}px`, top: `${top}px` });
  }

  /** @param {Point} to */
  drawBox(to) {
    if (!this.viewer || !this.corner) return;
    this.drawn = rectangleBetween(this.corner, to, this.viewer.picture);
    const { x, y, width, height } = this.drawn;
    this.box.hidden = false;
    Object.assign(this.box.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  }
}

customElements.define("kx-mask", KxMask);
