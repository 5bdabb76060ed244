// What is seen in the current picture: asked for once it has stayed for a moment, kept for going back and forth.
import { call, store } from "./store.js";

const OPENED_MS = 300;
const EDITED_MS = 1500; // whoever goes on at once needs the cores for the next edit
const KEPT = 60;
const NOTHING = { things: [], sky: null, subject: false, words: [], for_reader: null, for_model: null };
const known = new Map();
let timer = 0;

/** Keep `store.look` in step with the head: what its parents showed until it is known itself, null when nothing is. */
export function followHead() {
  store.subscribe(() => {
    const head = store.head();
    clearTimeout(timer);
    show(head ? nearest() : null);
    if (!head || known.has(head.digest) || store.openJobs().length) return;
    timer = setTimeout(() => ask(head), head.parent ? EDITED_MS : OPENED_MS);
  }, ["project", "versions", "jobs", "opened"]);
}

function show(look) {
  if (store.look === look) return;
  store.look = look;
  store.changed("look");
}

function nearest() {
  for (const version of store.path().reverse()) if (known.has(version.digest)) return known.get(version.digest);
  return null;
}

async function ask({ id, digest }) {
  const answer = await call("look", { version: id }, { quiet: true });
  if (answer.result) known.set(digest, answer.result);
  if (known.size > KEPT) known.delete(known.keys().next().value);
  if (store.head()?.digest === digest) show(answer.result || NOTHING);
}
