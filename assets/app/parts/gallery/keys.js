// What keys do in the gallery: arrows lead from cell to cell, all else is a command.
import { GALLERY } from "../../core/commands.js";
import { commandIn, keyOf } from "../../core/lookup.js";

/** @import { Gallery } from "../../core/page.d.ts" */
/** @import { GalleryPart } from "./gallery.js" */
/** @import { Item } from "./model.js" */

/** @param {GalleryPart} gallery @param {KeyboardEvent} event */
export function keyed(gallery, event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest(".kx-menu, select, input[type=range]")) return;
  if (target === gallery.bar.search) return fromSearch(gallery, event);
  if (gallery.space.contains(target) && moved(gallery, event)) return event.preventDefault();
  const command = commandIn(GALLERY, keyOf(event), gallery.page, /** @type {Gallery} */ (gallery));
  const onButton = target.closest("button") && (event.key === "Enter" || event.key === " ");
  if (!command || onButton) return;
  event.preventDefault();
  command.run?.(gallery.page, gallery);
}

/** Into what was found. @param {GalleryPart} gallery @param {KeyboardEvent} event */
function fromSearch(gallery, event) {
  const first = gallery.grid[0]?.[0];
  if (!first || (event.key !== "Enter" && event.key !== "ArrowDown")) return;
  gallery.focus(first.key);
  event.preventDefault();
}

/** @param {GalleryPart} gallery @param {KeyboardEvent} event @returns {boolean} whether it is a key that moves */
function moved(gallery, { key, shiftKey, ctrlKey, metaKey }) {
  const place = gallery.places.get(gallery.at ?? "");
  if (!place || !gallery.at || ctrlKey || metaKey) return false;
  const { row, column } = place;
  const last = gallery.grid.length - 1;
  const cells = gallery.grid[row];
  /** @param {number} to */
  const cellAt = (to) => gallery.grid[to]?.[Math.min(column, gallery.grid[to].length - 1)];
  /** @type {Record<string, () => Item | undefined>} */
  const leads = {
    ArrowLeft: () => cells[column - 1] ?? gallery.grid[row - 1]?.at(-1),
    ArrowRight: () => cells[column + 1] ?? gallery.grid[row + 1]?.[0],
    ArrowUp: () => cellAt(row - 1),
    ArrowDown: () => cellAt(row + 1),
    PageUp: () => cellAt(Math.max(0, row - gallery.rowsInView)),
    PageDown: () => cellAt(Math.min(last, row + gallery.rowsInView)),
    Home: () => gallery.grid[0][0],
    End: () => gallery.grid[last].at(-1),
  };
  if (!(key in leads)) return false;
  const next = leads[key]();
  if (next && shiftKey) gallery.markTo(gallery.at, next.key);
  if (next) gallery.focus(next.key);
  return true;
}
