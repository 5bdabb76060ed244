// One message, one payment: each has a key that the server knows it by, and keeps it until what became of it is known.

import { takeBack } from "./draft.js";
import { rememberSent, sentAndUnknown } from "./left_behind.js";

/** @import { Answer } from "./api.js" */
/** @import { Page } from "./page.d.ts" */
/** @import { EditDraft } from "./types.d.ts" */

export const DOUBLE_CLICK_MS = 1000;
const UNKNOWN = "It may have arrived. Send it again when the connection is back: it is carried out once.";

export class Sending {
  /** @type {Map<string, {key: string, until: number}>} By what is asked for, those of the page before too. */
  keys = new Map(sentAndUnknown().map(([words, key]) => [words, { key, until: Number.POSITIVE_INFINITY }]));

  /**
   * @param {() => number} now milliseconds that never go back
   * @param {() => string} newKey
   */
  constructor(now = () => performance.now(), newKey = randomKey) {
    this.now = now;
    this.newKey = newKey;
  }

  /**
   * Send edits, once, however often this is called before their fate is known and for `graceMs` after that.
   * Errors are answered, not shown.
   * @param {Page} page
   * @param {EditDraft[]} drafts
   * @param {number} graceMs
   * @returns {Promise<Answer>}
   */
  async send(page, drafts, graceMs = 0) {
    const ask = (/** @type {string} */ action, /** @type {object} */ message) =>
      page.call(action, message, { quiet: true });
    // What a message waits for may itself be what became of it, so that does not count.
    const words = JSON.stringify([page.store.project?.id, drafts.map((draft) => ({ ...draft, after: null }))]);
    const { key } = this.kept(words);
    const answer = await ask("submit_all", { drafts, key });
    if (answer.error?.kind !== "Offline") return this.settle(words, answer, graceMs);
    const known = await ask("sent", { key });
    if (known.result?.jobs.length) return this.settle(words, known, graceMs);
    if (known.error) return { error: { ...answer.error, hint: UNKNOWN } };
    return { error: { ...answer.error, message: "This did not arrive.", hint: "Nothing was sent. Send it again." } };
  }

  /**
   * What a page that was left had sent without hearing of it: what arrived is shown as an edit, the rest is in the
   * box again, and is the same message when it is sent from there.
   * @param {Page} page
   */
  async recover(page) {
    const { store } = page;
    for (const [words, { key }] of [...this.keys]) {
      const [project, drafts] = JSON.parse(words);
      const known = project === store.project?.id ? await page.call("sent", { key }, { quiet: true }) : null;
      if (!known || known.error) continue;
      const same = store.draft.instruction === drafts[0].instruction;
      const now = same ? { ...store.draft, instruction: "" } : store.draft;
      if (!known.result.jobs.length) page.composer.take(takeBack(now, drafts[0]));
      else if (same) store.setDraft({ instruction: "" });
      if (known.result.jobs.length) this.settle(words, known, 0);
    }
  }

  /** @param {string} words */
  kept(words) {
    for (const [other, { until }] of this.keys) if (until <= this.now()) this.keys.delete(other);
    const kept = this.keys.get(words) ?? { key: this.newKey(), until: Number.POSITIVE_INFINITY };
    this.keys.set(words, kept);
    this.remember();
    return kept;
  }

  /** @param {string} words @param {Answer} answer @param {number} graceMs */
  settle(words, answer, graceMs) {
    const kept = this.keys.get(words);
    if (answer.error || !kept) this.keys.delete(words);
    else kept.until = this.now() + graceMs;
    this.remember();
    return answer;
  }

  /** Those whose fate is known are of no use to the next page. */
  remember() {
    const unknown = [...this.keys].filter(([, { until }]) => until === Number.POSITIVE_INFINITY);
    rememberSent(unknown.map(([words, { key }]) => [words, key]));
  }
}

/** `crypto.randomUUID` exists on https and on this machine only; this does everywhere. */
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What this page sends. */
export const sending = new Sending();
