// Lists of elements kept in step with lists of rows.

/**
 * @template T
 * @typedef {object} Recipe
 * @property {(row: T) => string} key which element stands for a row
 * @property {(row: T) => HTMLElement} draw
 * @property {(row: T) => string} [stamp] an element is drawn again when this changes; without it, once
 * @property {(element: HTMLElement, row: T) => void} [refresh] called each time, for what changes often
 */

/** @type {WeakMap<Element, Map<string, {element: HTMLElement, stamp: string}>>} */
const lists = new WeakMap();

/**
 * Bring `list`'s children into line with `rows`. An element whose row is still there stays the same element, so that
 * focus, pointer and scroll position stay too.
 * @template T
 * @param {Element} list
 * @param {T[]} rows
 * @param {Recipe<T>} recipe
 * @returns {Map<string, HTMLElement>} the elements by key
 */
export function reconcile(list, rows, { key, draw, stamp = () => "", refresh }) {
  const known = lists.get(list) ?? new Map();
  const wanted = new Set(rows.map(key));
  for (const [name, { element }] of known) {
    if (wanted.has(name)) continue;
    element.remove();
    known.delete(name);
  }
  rows.forEach((row, index) => {
    const name = key(row);
    const now = stamp(row);
    const before = known.get(name);
    const element = before?.stamp === now ? before.element : draw(row);
    if (before && before.element !== element) before.element.replaceWith(element);
    known.set(name, { element, stamp: now });
    refresh?.(element, row);
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
  lists.set(list, known);
  return new Map([...known].map(([name, { element }]) => [name, element]));
}

/** Forget everything, for instance before another project's rows. @param {Element} list */
export function clear(list) {
  lists.delete(list);
  list.replaceChildren();
}
