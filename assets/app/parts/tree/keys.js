// What keys do in the list of versions.
import { moved } from "./moves.js";
import { heightOf } from "./node.js";

/** @import { Entry } from "./outline.js" */
/** @import { Tree } from "./tree.js" */

/** @param {Tree} tree @param {KeyboardEvent} event */
export function keyed(tree, event) {
  const at = tree.places.get(tree.active ?? "");
  if (at === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  const perPage = Math.floor(tree.scroller.clientHeight / heightOf(tree.entries[at])) - 1;
  const next = moved(event.key, at, tree.entries.length, Math.max(1, perPage));
  if (next !== null) tree.goTo(tree.entries[next].key);
  else if (!acted(tree, event, tree.entries[at])) return;
  event.preventDefault();
  event.stopPropagation();
}

/** @param {Tree} tree @param {KeyboardEvent} event @param {Entry} entry @returns {boolean} whether the key meant something */
function acted(tree, { key, shiftKey }, entry) {
  if (entry.kind === "job") return false;
  const chosen = key === "Enter" || key === " ";
  const closed = entry.kind === "fold" || entry.open === false;
  if (closed && (key === "ArrowRight" || (chosen && entry.kind === "fold"))) tree.toggle(entry);
  else if (entry.kind === "fold") return false;
  else if (chosen) tree.select(entry.version.id);
  else if (key === "ArrowLeft") leave(tree, entry);
  else if (key === "ContextMenu" || (key === "F10" && shiftKey)) tree.openMenu(tree.elements.get(entry.key), null);
  else return false;
  return true;
}

/** Close an open branch, else go to where it came from. @param {Tree} tree @param {Entry & {kind: "version"}} entry */
function leave(tree, entry) {
  if (entry.open) tree.toggle(entry);
  else tree.goTo(entry.version.parent);
}
