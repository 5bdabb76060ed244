// The border between the picture and the history: dragged, moved by arrow keys, remembered.
import { h } from "../../core/dom.js";
import { recalled, remember } from "../../core/remembered.js";

const USUAL_PX = 316;
const NARROWEST_PX = 216;
const WIDEST_PX = 720;
const STEP_PX = 24;
/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: STEP_PX, ArrowRight: -STEP_PX, Home: -WIDEST_PX, End: WIDEST_PX };

export function widthHandle() {
  const handle = h("div", {
    class: "kx-width-handle",
    role: "separator",
    tabindex: "0",
    "aria-label": "Width of the history",
    "aria-orientation": "vertical",
    "aria-valuemin": NARROWEST_PX,
    "aria-valuemax": WIDEST_PX,
  });
  let width = 0;
  /** @param {number} wanted */
  const set = (wanted) => {
    width = Math.round(Math.max(NARROWEST_PX, Math.min(WIDEST_PX, wanted, Math.max(innerWidth / 2, NARROWEST_PX))));
    document.documentElement.style.setProperty("--history", `${width}px`);
    handle.setAttribute("aria-valuenow", String(width));
  };
  const kept = recalled("history width", 0);
  if (kept) set(kept);
  else handle.setAttribute("aria-valuenow", String(USUAL_PX));
  const now = () => width || (handle.parentElement?.offsetWidth ?? USUAL_PX);
  const keep = () => remember("history width", width);
  handle.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS)) return;
    set(now() + STEPS[event.key]);
    keep();
    event.preventDefault();
    event.stopPropagation();
  });
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // else it becomes a selection of text, which is then dragged
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    const [from, began] = [event.clientX, now()];
    /** @param {PointerEvent} moved */
    const drag = (moved) => set(began + from - moved.clientX);
    handle.addEventListener("pointermove", drag);
    const end = () => {
      handle.removeEventListener("pointermove", drag);
      keep();
    };
    handle.addEventListener("lostpointercapture", end, { once: true });
  });
  return handle;
}
