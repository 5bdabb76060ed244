// Which panels are open, and the picture alone on the screen. A phone has tabs instead, and knows none of this.
import { recalled, remember } from "../../core/remembered.js";
import { border } from "./border.js";

/** @import { PanelName, Panels, View } from "../../core/page.d.ts" */

/** Between a phone and a window with room for three panels, the history lies over the picture when it is wanted. */
export const DRAWER = "(min-width: 701px) and (max-width: 1099px)";
/** @type {Partial<Record<View, PanelName>>} */
const SHOWN_BY = { chat: "chat", tree: "history" };

/** @implements {Panels} */
export class PanelsPart {
  drawer = matchMedia(DRAWER);
  phone = matchMedia("(max-width: 700px)");
  root = document.documentElement;
  /** @type {Set<() => void>} */
  listeners = new Set();
  /** Whether the history is out while it is a drawer: it begins closed, for the picture comes first. */
  out = false;

  constructor() {
    this.drawer.addEventListener("change", () => this.draw());
    document.addEventListener("fullscreenchange", () => {
      if (!document.fullscreenElement && this.alone) this.setAlone(false);
    });
    this.draw();
  }

  /** @param {PanelName} name */
  isOpen(name) {
    if (name === "history" && this.drawer.matches) return this.out;
    return recalled(`${name} panel`, "open") === "open";
  }

  /** @param {PanelName} name @param {boolean} open */
  set(name, open) {
    if (open && this.alone) this.leaveAlone();
    if (name === "history" && this.drawer.matches) this.out = open;
    else remember(`${name} panel`, open ? "open" : "closed");
    this.draw();
  }

  /** @param {PanelName} name */
  toggle(name) {
    this.set(name, this.alone || !this.isOpen(name));
  }

  /** @param {View} view */
  reveal(view) {
    const name = SHOWN_BY[view];
    if (name && (this.alone || (this.several && !this.isOpen(name)))) this.set(name, true);
  }

  get several() {
    return !this.phone.matches;
  }

  get alone() {
    return this.root.dataset.alone === "yes";
  }

  /** The picture and its tools alone; also over the system's own bars, where the browser lets us. */
  toggleAlone() {
    if (this.alone) return this.leaveAlone();
    this.setAlone(true);
    this.root.requestFullscreen?.().catch(() => {}); // then it is alone in the window
  }

  leaveAlone() {
    if (document.fullscreenElement) document.exitFullscreen();
    this.setAlone(false);
  }

  /** @param {boolean} alone */
  setAlone(alone) {
    if (alone) this.root.dataset.alone = "yes";
    else delete this.root.dataset.alone;
    this.draw();
  }

  /** @param {() => void} listener */
  whenChanged(listener) {
    this.listeners.add(listener);
    listener();
  }

  draw() {
    for (const name of /** @type {const} */ (["chat", "history"])) {
      this.root.setAttribute(`data-${name}`, this.isOpen(name) ? "open" : "closed");
    }
    for (const listener of this.listeners) listener();
  }
}

/** @param {HTMLElement} chat @param {HTMLElement} history */
export function addBorders(chat, history) {
  chat.append(
    border({
      label: "Width of the conversation",
      property: "--chat",
      side: "right",
      least: 280,
      most: 900,
      share: 0.5,
      kept: "chat width",
    }),
    border({
      label: "Height of the conversation",
      property: "--below",
      side: "top",
      least: 220,
      most: 1200,
      share: 0.75,
      kept: "chat height",
    }),
  );
  history.append(
    border({
      label: "Width of the history",
      property: "--history",
      side: "left",
      least: 216,
      most: 900,
      share: 0.5,
      kept: "history width",
    }),
  );
}
