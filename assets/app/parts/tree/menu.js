// What can be done with a version, as a menu beside it.
import { VERSION } from "../../core/commands.js";
import { button, h } from "../../core/dom.js";
import { price } from "../../core/format.js";
import { labelOf, offered } from "../../core/lookup.js";
import { describe } from "./pruned.js";

/** @import { Page } from "../../core/page.d.ts" */

const MARGIN_PX = 8;

/** @param {string} id @param {HTMLElement} element the version's node @param {Page} page */
export function openMenu(id, element, page) {
  const version = page.store.version(id);
  if (!version) return;
  const close = () => {
    list.remove();
    removeEventListener("pointerdown", outside, true);
    element.focus();
  };
  /** @param {PointerEvent} event */
  const outside = (event) => {
    if (!list.contains(/** @type {Node} */ (event.target))) close();
  };
  const entries = offered(VERSION, "menu", page, version).map((command) => {
    const run = () => {
      close();
      command.run?.(page, version);
    };
    return button("", labelOf(command, page, version), run, { role: "menuitem" });
  });
  const paid = version.outcome?.price_usd ? ` · ${price(version.outcome.price_usd)}` : "";
  const about = h("p", { class: "kx-muted" }, describe(version), paid);
  const props = { class: "kx-menu", role: "menu", "aria-label": "Version" };
  const list = h("div", props, about, entries);
  list.addEventListener("keydown", (event) => moveIn(entries, event, close));
  document.body.append(list);
  placeBeside(list, element);
  addEventListener("pointerdown", outside, true);
  entries[0].focus();
}

/** @param {HTMLElement[]} entries @param {KeyboardEvent} event @param {() => void} close */
function moveIn(entries, event, close) {
  const at = entries.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (event.key === "Escape") close();
  else if (event.key === "ArrowDown") entries[(at + 1) % entries.length].focus();
  else if (event.key === "ArrowUp") entries[(at + entries.length - 1) % entries.length].focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Under the element, but inside the window. @param {HTMLElement} list @param {HTMLElement} element */
function placeBeside(list, element) {
  const { left, bottom } = element.getBoundingClientRect();
  /** @param {number} at @param {number} length @param {number} room */
  const inside = (at, length, room) => Math.max(MARGIN_PX, Math.min(at, room - length - MARGIN_PX));
  list.style.left = `${inside(left, list.offsetWidth, innerWidth)}px`;
  list.style.top = `${inside(bottom, list.offsetHeight, innerHeight)}px`;
}
