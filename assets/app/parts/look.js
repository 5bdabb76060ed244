// What is seen in the current picture: asked for once it has stayed for a moment, kept for going back and forth.

/** @import { Page } from "../core/page.d.ts" */
/** @import { OverviewRow, VersionRow } from "../core/types.d.ts" */

const OPENED_MS = 300;
/** Whoever goes on at once needs the cores for the next edit. */
const EDITED_MS = 1500;
const KEPT = 60;
/** Nothing could be seen: what the page offers then does not depend on the picture. */
const NOTHING = /** @type {OverviewRow} */ (
  /** @type {unknown} */ ({ things: [], sky: null, subject: false, words: [], for_reader: null, for_model: null })
);

/** Keep `store.look` in step with the head: what its parents showed until it is known itself, null when nothing is. @param {Page} page */
export function followHead({ store, call }) {
  /** @type {Map<string, OverviewRow>} */
  const known = new Map();
  let timer = 0;
  const nearest = () => {
    const seen = store.path().findLast((version) => known.has(version.digest));
    return (seen && known.get(seen.digest)) ?? null;
  };
  /** @param {VersionRow} version */
  const ask = async ({ id, digest }) => {
    const answer = await call("look", { version: id }, { quiet: true });
    if (answer.result) known.set(digest, answer.result);
    const [oldest] = known.keys();
    if (known.size > KEPT) known.delete(oldest);
    if (store.head()?.digest === digest) store.put("look", answer.result ?? NOTHING);
  };
  store.subscribe(["project", "versions", "jobs", "opened"], () => {
    const head = store.head();
    clearTimeout(timer);
    store.put("look", head ? nearest() : null);
    if (!head || known.has(head.digest) || store.openJobs().length) return;
    timer = window.setTimeout(() => ask(head), head.parent ? EDITED_MS : OPENED_MS);
  });
}
