// Zoom and pan: `world`, in picture pixels, is placed in this element by one transform.
import { h } from "../core/dom.js";
import { fitScale, settled, wheelFactor, zoomed } from "./geometry.js";

/** @import { Point, Size, View } from "./geometry.js" */

/** Fires "viewchange" after every move. */
export class KxViewer extends HTMLElement {
  world = h("div", { class: "kx-world", hidden: true });
  /** @type {View} */
  view = { scale: 1, x: 0, y: 0 };
  /** @type {Size} */
  picture = { width: 1, height: 1 };
  /** While something is painted, only touch with two fingers, Shift and the middle button move the picture. */
  painting = false;
  fitted = true;
  /** @type {Map<number, Point>} */
  pointers = new Map();

  connectedCallback() {
    if (this.world.parentNode) return;
    this.append(this.world);
    this.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    this.addEventListener("pointerdown", (event) => this.pressed(event));
    this.addEventListener("pointermove", (event) => this.moved(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      this.addEventListener(end, (event) => this.released(event));
    }
    this.addEventListener("dblclick", (event) => this.doubled(event));
    new ResizeObserver(() => (this.fitted ? this.fit() : this.place())).observe(this);
  }

  /** @returns {Size} */
  get stage() {
    return { width: this.clientWidth, height: this.clientHeight };
  }

  place() {
    this.view = settled(this.view, this.picture, this.stage);
    const { scale, x, y } = this.view;
    this.world.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.world.style.imageRendering = scale >= 4 ? "pixelated" : "auto";
    this.world.style.setProperty("--scale", String(scale));
    this.dispatchEvent(new Event("viewchange"));
  }

  fit() {
    this.fitted = true;
    this.view.scale = fitScale(this.picture, this.stage);
    this.place();
  }

  /** @param {number} scale @param {Point} at a point of the stage; its middle, without it */
  zoomTo(scale, at = { x: this.clientWidth / 2, y: this.clientHeight / 2 }) {
    this.view = zoomed(this.view, scale, at, Math.min(fitScale(this.picture, this.stage), 1) / 2);
    this.fitted = false;
    this.place();
  }

  /** @param {number} factor @param {Point} [at] */
  zoomBy(factor, at) {
    this.zoomTo(this.view.scale * factor, at);
  }

  /** The picture of another version: the same view when it has the same size. @param {Size} picture */
  resize({ width, height }) {
    const same = this.picture.width === width && this.picture.height === height;
    this.picture = { width, height };
    Object.assign(this.world.style, { width: `${width}px`, height: `${height}px` });
    if (!same || this.fitted) this.fit();
    else this.place();
  }

  /** Where an event is in this element. @param {MouseEvent} event @returns {Point} */
  local(event) {
    const box = this.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** Where an event is in the picture. @param {MouseEvent} event @returns {Point} */
  toPicture(event) {
    const { x, y } = this.local(event);
    return { x: (x - this.view.x) / this.view.scale, y: (y - this.view.y) / this.view.scale };
  }

  /** @param {WheelEvent} event */
  wheeled(event) {
    event.preventDefault();
    if (event.shiftKey && !event.ctrlKey && !event.metaKey) return;
    this.zoomBy(wheelFactor(event), this.local(event));
  }

  /** @param {PointerEvent} event */
  pressed(event) {
    const touch = event.pointerType === "touch";
    const onTool = /** @type {Element} */ (event.target).closest("button, input, a, [role=slider]");
    if (onTool || (this.painting && !touch && event.button !== 1 && !event.shiftKey)) return;
    const at = this.local(event);
    const painter = this.painting && touch && event.isPrimary && this.pointers.size === 0;
    this.pointers.set(event.pointerId, at);
    if (painter) return;
    this.setPointerCapture(event.pointerId);
    this.classList.add("kx-panning");
  }

  /** @param {PointerEvent} event */
  moved(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.local(event);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (this.pointers.size === 2 && other) this.pinch(before, now, other);
    else if (!this.painting) {
      this.view = { scale: this.view.scale, x: this.view.x + now.x - before.x, y: this.view.y + now.y - before.y };
      this.place();
    }
    this.pointers.set(event.pointerId, now);
  }

  /** @param {Point} before @param {Point} now @param {Point} other the finger that rests */
  pinch(before, now, other) {
    const old = Math.hypot(before.x - other.x, before.y - other.y);
    const fresh = Math.hypot(now.x - other.x, now.y - other.y);
    if (old > 0) this.zoomBy(fresh / old, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  }

  /** @param {PointerEvent} event */
  released(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.classList.remove("kx-panning");
  }

  /** @param {MouseEvent} event */
  doubled(event) {
    if (this.painting || /** @type {Element} */ (event.target).closest("button")) return;
    if (this.fitted) this.zoomTo(1, this.local(event));
    else this.fit();
  }
}

customElements.define("kx-viewer", KxViewer);
