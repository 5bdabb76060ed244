// A recipe's steps on another picture: how far it is, where it stopped, and the way on.
import { OPEN_STATES } from "../../core/store.js";
import { cut } from "../../core/versions.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @typedef {{instruction: string}} Step */

/** A step that was not begun by then was refused before it became an edit, by a budget for instance. */
const BEGUN_MS = 6000;

/**
 * Carry out the steps beginning at a version, which becomes the current one, so that each result is seen.
 * @param {Page} page
 * @param {string} version
 * @param {Step[]} steps
 */
export async function replay(page, version, steps) {
  if (page.store.project?.head !== version) await page.call("select", { version });
  const replaying = new Replaying(page, version, steps);
  const { error } = await page.call("replay", { version, steps });
  if (error) replaying.over = true;
}

export class Replaying {
  done = 0;
  over = false;
  timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);

  /** @param {Page} page @param {string} version @param {Step[]} steps */
  constructor(page, version, steps) {
    this.page = page;
    this.at = version;
    this.steps = steps;
    const { store } = page;
    /** What there was before is not what comes of it. */
    this.before = new Set([...store.versions.keys(), ...store.jobs.keys()]);
    this.project = store.project?.id;
    store.subscribe(["versions", "jobs", "opened"], () => this.look());
    this.wait();
  }

  look() {
    const { store } = this.page;
    if (this.over) return;
    if (store.project?.id !== this.project) return this.end();
    for (let made = this.made(); made; made = this.made()) {
      this.at = made.id;
      this.done += 1;
      this.wait();
      if (this.done === this.steps.length) return this.finished();
    }
    const job = this.job();
    if (job) clearTimeout(this.timer);
    if (job && !OPEN_STATES.includes(job.state)) this.stopped("made no picture");
  }

  made() {
    const { store } = this.page;
    const children = [...(store.children.get(this.at) ?? [])].filter((id) => !this.before.has(id));
    return store.version(children.findLast((id) => this.isStep(store.version(id))));
  }

  job() {
    const jobs = [...this.page.store.jobs.values()].filter(
      ({ id, parent }) => parent === this.at && !this.before.has(id),
    );
    return jobs.findLast((job) => this.isStep(job));
  }

  /** @param {{instruction: string} | null} row */
  isStep(row) {
    return row?.instruction.trim() === this.steps[this.done]?.instruction.trim();
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.stopped("was not taken"), BEGUN_MS);
  }

  end() {
    this.over = true;
    clearTimeout(this.timer);
  }

  finished() {
    this.end();
    if (this.steps.length > 1) this.page.toast(`All ${this.steps.length} steps are done.`);
  }

  /** @param {string} why */
  stopped(why) {
    this.end();
    const { page, at, steps, done } = this;
    const left = steps.slice(done + 1);
    const said = `Step ${done + 1} of ${steps.length}, “${cut(steps[done].instruction)}”, ${why}.`;
    const skip = { label: "Go on without it", run: () => replay(page, at, left) };
    page.toast(left.length ? `${said} What follows was not sent.` : said, left.length ? skip : null);
  }
}
