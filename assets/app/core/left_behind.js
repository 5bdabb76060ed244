// What a page that is left could not wait to see saved: the next page of this tab takes it up.

const KEY = "kx-left-behind";

/** @param {string} project @param {string} text */
export function leaveBehind(project, text) {
  sessionStorage.setItem(KEY, JSON.stringify({ project, text }));
}

/**
 * The text that was left in this project, once.
 * @param {string | undefined} project
 * @returns {string | null}
 */
export function takeUp(project) {
  const left = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (left?.project !== project) return null;
  sessionStorage.removeItem(KEY);
  return left.text;
}
