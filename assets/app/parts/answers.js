// Several answers to one request: the pager of a turn, and the tray under the picture.
import { button, fill, h, iconButton } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { imageUrl } from "../core/session.js";

/** @import { Page } from "../core/page.d.ts" */
/** @import { Job, Store } from "../core/store.js" */
/** @import { VersionRow } from "../core/types.d.ts" */

const MOST_COMPARED = 4;

/** A for the first, and after Z numbers. @param {number} index */
export const letterOf = (index) => (index < 26 ? String.fromCharCode(65 + index) : String(index + 1));

/**
 * "‹ 2 of 3 ›": goes to another answer and what was said after it. Nothing where there is only one.
 * @param {VersionRow} version
 * @param {Page} page
 */
export function pager(version, page) {
  const answers = page.store.answers(version);
  if (answers.length < 2) return null;
  const at = answers.indexOf(version);
  /** @param {number} index @param {string} label @param {"left" | "right"} name */
  const turn = (index, label, name) => {
    const there = answers[index];
    const go = () => page.call("select", { version: page.store.newestFrom(there).id });
    return iconButton(icon(name), label, go, { disabled: !there });
  };
  return h(
    "div",
    { class: "kx-pager", role: "group", "aria-label": "Answers to this message" },
    turn(at - 1, "Previous answer", "left"),
    h("span", {}, `${at + 1} of ${answers.length}`),
    turn(at + 1, "Next answer", "right"),
  );
}

export class Tray {
  list = h("div", { class: "kx-answers", role: "group", "aria-label": "Answers" });
  actions = h("div", { class: "kx-actions" });
  element = h("div", { class: "kx-tray", id: "kx-tray", hidden: true }, this.list, this.actions);
  drawn = "";

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    page.store.subscribe(["project", "versions", "jobs", "opened"], () => this.draw());
  }

  draw() {
    const { store } = this.page;
    const head = store.head();
    const answers = head ? store.answers(head) : [];
    const coming = head?.parent && head.request ? comingTo(store, head.parent) : [];
    this.element.hidden = !head || answers.length + coming.length < 2;
    const now = [head?.id, ...answers.map(({ digest }) => digest), ...coming.map(({ id }) => id)].join();
    if (this.element.hidden || !head || now === this.drawn) return;
    this.drawn = now;
    fill(
      this.list,
      answers.map((answer, index) => this.answer(answer, index, answer === head)),
      coming.map((job) => h("span", { class: "kx-answer-coming", title: job.instruction }, h("span", {}, "…"))),
    );
    fill(this.actions, answers.length > 1 && this.choices(head, answers));
  }

  /** @param {VersionRow} answer @param {number} index @param {boolean} shown */
  answer({ id, digest, instruction, outcome }, index, shown) {
    const picture = h("img", { src: imageUrl(digest, "thumb"), alt: "" });
    const name = [`Answer ${letterOf(index)}`, outcome?.backend_label, instruction].filter(Boolean).join(", ");
    const show = () => this.page.call("select", { version: id });
    const props = { "aria-label": name, title: name, "aria-pressed": shown ? "true" : "false" };
    return button("kx-answer-choice", [picture, h("b", {}, letterOf(index))], show, props);
  }

  /** @param {VersionRow} head @param {VersionRow[]} answers */
  choices(head, answers) {
    const nearest = answers.slice(Math.max(0, answers.indexOf(head) - MOST_COMPARED + 1)).slice(0, MOST_COMPARED);
    const compare = () => this.page.dialogs.compare(nearest.map(({ id }) => id));
    return [
      button("kx-chip", nearest.length === answers.length && answers.length > 2 ? "Compare all" : "Compare", compare),
      button("kx-chip", answers.length === 2 ? "Hide the other" : "Hide the others", () =>
        hide(
          this.page,
          answers.filter((answer) => answer !== head),
        ),
      ),
    ];
  }
}

/** Edits that still run on the same picture. @param {Store} store @param {string} parent @returns {Job[]} */
const comingTo = (store, parent) => store.openJobs().filter((job) => job.parent === parent);

/** @param {Page} page @param {VersionRow[]} answers */
async function hide(page, answers) {
  /** @type {string[]} */
  const hidden = [];
  for (const { id } of answers) {
    if (!(await page.call("prune", { version: id })).error) hidden.push(id);
  }
  const run = async () => {
    for (const id of hidden) await page.call("restore_version", { version: id });
  };
  if (hidden.length)
    page.toast(hidden.length === 1 ? "One answer hidden." : "The other answers are hidden.", { label: "Undo", run });
}
