// What can be done with a version, as a menu beside it.
import { menuOf } from "../../core/commands.js";
import { button, h } from "../../core/dom.js";
import { price } from "../../core/format.js";
import { labelOf } from "../../core/lookup.js";
import { describe } from "../../core/versions.js";

/** @import { Page } from "../../core/page.d.ts" */

const MARGIN_PX = 8;
/** @type {(() => void) | null} Closes the one that is open. */
let closeOpen = null;

/**
 * @param {string} id
 * @param {HTMLElement} element what it belongs to, and gets the focus back
 * @param {Page} page
 * @param {{at?: {x: number, y: number} | null, chosen?: (command: string) => unknown}} how `at` is a point of the window;
 *   `chosen` is told before the command runs
 */
export function openMenu(id, element, page, { at = null, chosen } = {}) {
  const version = page.store.version(id);
  if (!version) return;
  closeOpen?.();
  const close = () => {
    closeOpen = null;
    list.remove();
    removeEventListener("pointerdown", outside, true);
    element.focus({ preventScroll: true });
  };
  /** @param {PointerEvent} event */
  const outside = (event) => {
    if (!list.contains(/** @type {Node} */ (event.target))) close();
  };
  const entries = menuOf(version, page).map((command) => {
    const run = () => {
      close();
      chosen?.(command.id);
      command.run?.(page, version);
    };
    return button("", labelOf(command, page, version), run, { role: "menuitem" });
  });
  const paid = version.outcome?.price_usd ? ` · ${price(version.outcome.price_usd)}` : "";
  const about = h("p", { class: "kx-muted" }, describe(version), paid);
  const list = h("div", { class: "kx-menu", role: "menu", "aria-label": `Version ${version.number}` }, about, entries);
  list.addEventListener("keydown", (event) => moveIn(entries, event, close));
  // A modal dialog lies over everything else, so the menu is a part of it.
  const home = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  home.append(list);
  place(list, at ?? below(element));
  addEventListener("pointerdown", outside, true);
  closeOpen = close;
  entries[0].focus();
}

/** @param {HTMLElement[]} entries @param {KeyboardEvent} event @param {() => void} close */
function moveIn(entries, event, close) {
  const at = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (event.key === "Escape" || event.key === "Tab") close();
  else if (event.key === "ArrowDown") entries[(at + 1) % entries.length].focus();
  else if (event.key === "ArrowUp") entries[(at + entries.length - 1) % entries.length].focus();
  else if (event.key === "Home") entries[0].focus();
  else if (event.key === "End") entries[entries.length - 1].focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** @param {Element} element */
export function below(element) {
  const { left, bottom } = element.getBoundingClientRect();
  return { x: left, y: bottom };
}

/** @param {Element} element */
export function middleOf(element) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { x: left + width / 2, y: top + height / 3 };
}

/** Inside the window. @param {HTMLElement} list @param {{x: number, y: number}} at */
function place(list, { x, y }) {
  /** @param {number} from @param {number} length @param {number} room */
  const inside = (from, length, room) => Math.max(MARGIN_PX, Math.min(from, room - length - MARGIN_PX));
  list.style.left = `${inside(x, list.offsetWidth, innerWidth)}px`;
  list.style.top = `${inside(y, list.offsetHeight, innerHeight)}px`;
}
