// Before and after: a slider over the picture, or the picture before while a key or button is held.
import { fill, h } from "../core/dom.js";

/** @import { KxViewer } from "./kx-viewer.js" */
/** @typedef {"off" | "peek" | "slider"} CompareMode */
/** @typedef {{src: string, label: string}} Shown */

const TAP_MS = 250;
/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.2, PageUp: 0.2, Home: -1, End: 1 };

/** Lies over a viewer; `picture` goes into the viewer's world. Fires "modechange". */
export class KxCompare extends HTMLElement {
  picture = h("img", { class: "kx-picture kx-before", alt: "The version before", hidden: true, draggable: "false" });
  handle = h("div", {
    class: "kx-handle",
    role: "slider",
    tabindex: "0",
    "aria-label": "Border between before and after",
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    hidden: true,
    onkeydown: (event) => this.keyed(event),
    onpointerdown: (event) => this.grabbed(event),
  });
  labels = h("div", { class: "kx-labels", hidden: true });
  /** @type {KxViewer | null} */
  viewer = null;
  /** @type {() => {before: Shown, now: Shown} | null} Asked for when it is switched on; `null`: nothing to compare. */
  pictures = () => null;
  /** @type {CompareMode} */
  mode = "off";
  share = 0.5;
  pressedAt = 0;

  connectedCallback() {
    if (this.handle.parentNode) return;
    this.append(this.handle, this.labels);
  }

  /** @param {CompareMode} wanted */
  show(wanted) {
    const pictures = wanted === "off" ? null : this.pictures();
    this.mode = pictures ? wanted : "off";
    this.handle.hidden = this.mode !== "slider";
    this.labels.hidden = this.picture.hidden = this.mode === "off";
    if (pictures) this.draw(pictures);
    this.place();
    this.dispatchEvent(new Event("modechange"));
  }

  /** @param {{before: Shown, now: Shown}} pictures */
  draw({ before, now }) {
    if (this.picture.getAttribute("src") !== before.src) this.picture.src = before.src;
    fill(this.labels, h("span", {}, before.label), this.mode === "slider" && h("span", {}, now.label));
  }

  place() {
    if (!this.viewer) return;
    const { view, picture, clientWidth } = this.viewer;
    this.handle.style.left = `${this.share * clientWidth}px`;
    this.handle.setAttribute("aria-valuenow", String(Math.round(this.share * 100)));
    const border = Math.max(0, Math.min(picture.width, (this.share * clientWidth - view.x) / view.scale));
    const edge = this.mode === "slider" ? border : picture.width;
    this.picture.style.clipPath = `inset(0 ${picture.width - edge}px 0 0)`;
  }

  /** @param {number} to share of the stage, 0..1 */
  move(to) {
    this.share = Math.max(0, Math.min(1, to));
    this.place();
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    const step = STEPS[event.key];
    if (!step) return;
    this.move(this.share + step);
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {PointerEvent} event */
  grabbed(event) {
    event.preventDefault();
    event.stopPropagation();
    this.handle.focus();
    this.handle.setPointerCapture(event.pointerId);
    /** @param {PointerEvent} moved */
    const drag = (moved) => this.viewer && this.move(this.viewer.local(moved).x / this.viewer.clientWidth);
    this.handle.addEventListener("pointermove", drag);
    this.handle.addEventListener("pointerup", () => this.handle.removeEventListener("pointermove", drag), {
      once: true,
    });
  }

  /** A press shows what was before; a short one switches the slider instead. */
  press() {
    this.pressedAt = performance.now();
    if (this.mode !== "slider") this.show("peek");
  }

  release() {
    const tapped = performance.now() - this.pressedAt < TAP_MS;
    if (this.mode === "peek") this.show(tapped ? "slider" : "off");
    else if (tapped && this.mode === "slider") this.show("off");
  }

  toggle() {
    this.show(this.mode === "off" ? "slider" : "off");
  }

  /** @param {boolean} on */
  peek(on) {
    if (on ? this.mode === "off" : this.mode === "peek") this.show(on ? "peek" : "off");
  }

  /** The pictures have changed. */
  refresh() {
    if (this.mode !== "off") this.show(this.mode);
  }
}

customElements.define("kx-compare", KxCompare);
