// How somebody likes a part of the page, kept by this browser: sizes and views belong to the screen, not to the account.

const KEY = "kx-look";

/** @returns {Record<string, unknown>} */
function all() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {}; // storage is closed, or holds something else
  }
}

/**
 * @template {string | number} T
 * @param {string} name
 * @param {T} usual
 * @returns {T} what was kept, if it is of the same kind
 */
export function recalled(name, usual) {
  const value = all()[name];
  return typeof value === typeof usual ? /** @type {T} */ (value) : usual;
}

/** @param {string} name @param {string | number} value */
export function remember(name, value) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...all(), [name]: value }));
  } catch {
    // Without storage it lasts as long as the page.
  }
}
