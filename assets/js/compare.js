// Before and after: a slider over the picture, or the picture before while a key or button is held.
import { fill, h } from "./dom.js";
import { store } from "./store.js";

const TAP_MS = 250;

/** `before` is an <img> lying under the slider; `onmode(mode)` tells the canvas what is on. */
export function makeCompare(stage, viewer, before, onmode) {
  const handle = h("div", { class: "kx-handle", role: "slider", tabindex: "0", "aria-label": "Border between before and after", "aria-valuemin": 0, "aria-valuemax": 100, hidden: true, onkeydown: keyed, onpointerdown: grab });
  const labels = h("div", { class: "kx-labels", hidden: true });
  stage.append(handle, labels);
  let mode = "off";
  let share = 0.5;
  let other = null;
  let pressedAt = 0;

  const target = () => store.versions.get(other) || store.versions.get(store.head()?.parent) || null;

  function show(next) {
    const version = target();
    if (next !== "off" && !version) {
      store.toast("There is no version before this one to compare with.");
      next = "off";
    }
    mode = next;
    handle.hidden = mode !== "slider";
    labels.hidden = mode === "off";
    before.hidden = mode === "off";
    if (mode !== "off") {
      const address = store.imageUrl(version.digest, "preview");
      if (before.getAttribute("src") !== address) before.setAttribute("src", address);
      fill(labels, h("span", {}, label(version)), mode === "slider" && h("span", {}, label(store.head())));
    } else other = null;
    place();
    onmode(mode);
  }

  const label = (version) => version.name || (version.instruction ? version.instruction.slice(0, 60) : "Opened picture");

  function place() {
    const width = stage.clientWidth;
    handle.style.left = `${share * width}px`;
    handle.setAttribute("aria-valuenow", Math.round(share * 100));
    const { x, scale, width: pictureWidth } = viewer.view;
    const edge = mode === "slider" ? Math.max(0, Math.min(pictureWidth, (share * width - x) / scale)) : pictureWidth;
    before.style.clipPath = `inset(0 ${pictureWidth - edge}px 0 0)`;
  }

  function move(to) {
    share = Math.max(0, Math.min(1, to));
    place();
  }

  function keyed(event) {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.2, PageUp: 0.2 }[event.key];
    if (step) move(share + step);
    else if (event.key === "Home") move(0);
    else if (event.key === "End") move(1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function grab(event) {
    event.preventDefault();
    event.stopPropagation();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    const drag = (moved) => move(viewer.local(moved).x / stage.clientWidth);
    handle.addEventListener("pointermove", drag);
    handle.addEventListener("pointerup", () => handle.removeEventListener("pointermove", drag), { once: true });
  }

  /** A press shows what was before; a short one switches the slider instead. */
  function press() {
    pressedAt = performance.now();
    if (mode !== "slider") show("peek");
  }

  function release() {
    const tapped = performance.now() - pressedAt < TAP_MS;
    if (mode === "peek") show(tapped ? "slider" : "off");
    else if (tapped && mode === "slider") show("off");
  }

  return {
    press, release, place,
    mode: () => mode,
    toggle: () => show(mode === "off" ? "slider" : "off"),
    peek: (on) => { if (mode !== "slider") show(on ? "peek" : "off"); },
    withVersion: (id) => { other = id; show("slider"); },
    off: () => show("off"),
    refresh: () => { if (mode !== "off") show(target() ? mode : "off"); },
  };
}
