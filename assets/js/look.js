// What is seen in the current picture: asked for once it has stayed for a moment, kept for going back and forth.
import { call, store } from "./store.js";

const QUIET_MS = 600;
const KEPT = 60;
const NOTHING = { things: [], sky: null, subject: false, words: [], for_reader: null, for_model: null };
const known = new Map();
let timer = 0;

/** Keep `store.look` in step with the head: null until it is known. */
export function followHead() {
  store.subscribe(() => {
    const head = store.head();
    const look = head ? known.get(head.digest) || null : null;
    clearTimeout(timer);
    if (store.look !== look) {
      store.look = look;
      store.changed("look");
    }
    if (head && !look) timer = setTimeout(() => ask(head), QUIET_MS);
  }, ["project", "versions", "opened"]);
}

async function ask({ id, digest }) {
  const answer = await call("look", { version: id }, { quiet: true });
  if (answer.result) known.set(digest, answer.result);
  if (known.size > KEPT) known.delete(known.keys().next().value);
  if (store.head()?.digest !== digest) return;
  store.look = answer.result || NOTHING;
  store.changed("look");
}
