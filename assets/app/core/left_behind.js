// What outlives the page in its tab: what is being typed, and what was sent and not heard of again.
// Another tab on the same project has words of its own, and the server keeps one draft for both.

const KEY = "kx-left-behind";
const SENT = "kx-sent";

/** @param {string} project @param {string} text */
export function leaveBehind(project, text) {
  if (text) write(KEY, { project, text });
  else sessionStorage.removeItem(KEY);
}

/**
 * The text that this tab has in this project.
 * @param {string | undefined} project
 * @returns {string | null}
 */
export function takeUp(project) {
  const left = read(KEY);
  return left?.project === project && typeof left.text === "string" ? left.text : null;
}

/** Messages whose fate is not known: their words and the keys that the server would know them by. @returns {[string, string][]} */
export function sentAndUnknown() {
  const sent = read(SENT);
  return Array.isArray(sent)
    ? sent.filter((entry) => typeof entry[0] === "string" && typeof entry[1] === "string")
    : [];
}

/** @param {[string, string][]} messages */
export function rememberSent(messages) {
  write(SENT, messages);
}

/** @param {string} key */
function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** Where a browser gives no room, the page works as before, and forgets. @param {string} key @param {unknown} value */
function write(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {}
}
