// The border between two panels: dragged, moved by arrow keys, remembered by this browser.
import { h } from "../../core/dom.js";
import { recalled, remember } from "../../core/remembered.js";

const STEP_PX = 24;

/**
 * @typedef {object} Edge
 * @property {string} label what it says to those who do not see it
 * @property {string} property the style property that holds the panel's size
 * @property {"left" | "right" | "top"} side of the panel that the border is on
 * @property {number} least in pixels
 * @property {number} most in pixels
 * @property {number} share of the window that the panel may take
 * @property {string} kept the name under which the size is remembered
 */

/** @type {Record<string, Record<string, number>>} Steps by side and key; one as large as the window goes to the end. */
const STEPS = {
  left: { ArrowLeft: 1, ArrowRight: -1, Home: -Infinity, End: Infinity },
  right: { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity },
  top: { ArrowUp: 1, ArrowDown: -1, Home: -Infinity, End: Infinity },
};

/** The border as a separator that can be moved. @param {Edge} edge */
export function border({ label, property, side, least, most, share, kept }) {
  const upright = side !== "top";
  const handle = h("div", {
    class: "kx-border",
    "data-side": side,
    role: "separator",
    tabindex: "0",
    "aria-label": label,
    "aria-orientation": upright ? "vertical" : "horizontal",
    "aria-valuemin": least,
    "aria-valuemax": most,
    "aria-valuenow": least,
  });
  const { style } = document.documentElement;
  /** @param {number} wanted */
  const set = (wanted) => {
    const room = (upright ? innerWidth : innerHeight) * share;
    const size = Math.round(Math.max(least, Math.min(most, wanted, Math.max(room, least))));
    style.setProperty(property, `${size}px`);
    handle.setAttribute("aria-valuenow", String(size));
    return size;
  };
  const size = () => {
    const panel = /** @type {HTMLElement} */ (handle.parentElement);
    return upright ? panel.offsetWidth : panel.offsetHeight;
  };
  const wanted = recalled(kept, 0);
  if (wanted) set(wanted);
  handle.addEventListener("focus", () => handle.setAttribute("aria-valuenow", String(size())));
  handle.addEventListener("keydown", (event) => {
    const step = STEPS[side][event.key];
    if (step === undefined) return;
    remember(kept, set(size() + step * STEP_PX));
    event.preventDefault();
    event.stopPropagation();
  });
  handle.addEventListener("dblclick", () => {
    style.removeProperty(property);
    remember(kept, 0);
  });
  drag(handle, side, size, set, (last) => remember(kept, last));
  return handle;
}

/**
 * @param {HTMLElement} handle
 * @param {Edge["side"]} side
 * @param {() => number} size
 * @param {(wanted: number) => number} set
 * @param {(last: number) => void} keep
 */
function drag(handle, side, size, set, keep) {
  const at = (/** @type {PointerEvent} */ { clientX, clientY }) => (side === "top" ? clientY : clientX);
  const outwards = side === "right" ? 1 : -1;
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // else it becomes a selection of text, which is then dragged
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    const [from, began] = [at(event), size()];
    let last = 0;
    /** @param {PointerEvent} moved */
    const move = (moved) => {
      last = set(began + outwards * (at(moved) - from));
    };
    handle.addEventListener("pointermove", move);
    const end = () => {
      handle.removeEventListener("pointermove", move);
      if (last) keep(last);
    };
    handle.addEventListener("lostpointercapture", end, { once: true });
  });
}
