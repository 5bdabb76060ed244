// Where keys lead in a list.

/**
 * The place that a key leads to; `null` for a key that moves nothing.
 * @param {string} key
 * @param {number} at
 * @param {number} count
 * @param {number} page how many are in view
 */
export function moved(key, at, count, page) {
  /** @type {Record<string, number>} */
  const places = {
    ArrowUp: at - 1,
    ArrowDown: at + 1,
    Home: 0,
    End: count - 1,
    PageUp: at - page,
    PageDown: at + page,
  };
  return key in places ? Math.max(0, Math.min(count - 1, places[key])) : null;
}
