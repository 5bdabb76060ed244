// Messages that are no edits: "undo", "compare", "thanks". They are done here and never sent, unless that was meant.
import { stop, VERSION } from "../../core/commands.js";
import { labelOf } from "../../core/lookup.js";

/** @import { Page } from "../../core/page.d.ts" */

/** @typedef {{taken: string, run: (page: Page) => unknown}} Said what a message was taken for, and how that is done */

/** @type {Record<string, Said>} */
const SAID = {
  undo: { taken: "Undo", run: (page) => page.call("undo") },
  redo: { taken: "Redo", run: (page) => page.call("redo") },
  original: { taken: "Back to the first picture", run: toFirst },
  compare: { taken: "Compare", run: (page) => page.canvas.toggleCompare() },
  stop: { taken: "Stop", run: (page) => stop(page, page.store.runningHere()) },
  thanks: { taken: "You are welcome.", run: () => null },
  explain: {
    taken: "What was done",
    run: (page) => page.toast(page.store.head()?.outcome?.description || "Nothing yet."),
  },
};

/** @param {Page} page */
function toFirst(page) {
  const [first] = page.store.path();
  return first && page.call("select", { version: first.id });
}

/**
 * Do what a message says if it is a command. Resolves to whether it was one.
 * @param {Page} page
 * @param {string} text
 * @param {() => unknown} send carries it out as an instruction after all
 */
export async function obeyed(page, text, send) {
  if (!page.store.head()) return false;
  const { result } = await page.call("command", { text }, { quiet: true });
  const name = result?.command;
  if (name === "again") return askAgain(page);
  const said = SAID[name];
  if (!said) return false;
  await said.run(page);
  page.toast(name === "thanks" ? said.taken : `“${text}” was taken as: ${said.taken}.`, {
    label: "Send it as an instruction",
    run: send,
  });
  return true;
}

/** Trying again can cost something, so it takes a click. @param {Page} page */
function askAgain(page) {
  const head = page.store.head();
  const retry = VERSION.find(({ id }) => id === "retry");
  if (!head?.request || !retry?.run || !(retry.when?.(page, head) ?? true)) return false;
  const { run } = retry;
  page.toast(`Nothing was sent yet. ${labelOf(retry, page, head)} for v${head.number}?`, {
    label: "Try again",
    run: () => run(page, head),
  });
  return true;
}
