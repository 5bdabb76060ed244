// What an edit that has ended says: read out, and with a way there when its picture is not the one that is shown.
import { h } from "../core/dom.js";
import { OPEN_STATES } from "../core/store.js";
import { cut } from "../core/versions.js";
import { notices } from "./notices.js";

/** @import { Page } from "../core/page.d.ts" */
/** @import { Job } from "../core/store.js" */
/** @import { VersionRow } from "../core/types.d.ts" */

const SHORT = 40;
/** Before the title of a tab in which something arrived that nobody has looked at yet. */
export const ARRIVED = "● ";

export class Arrivals {
  /** @type {Map<string, Job>} Edits that ran when last looked. */
  running = new Map();
  /** Number of the newest version that was there when last looked. */
  newest = 0;
  /** Edits that were there when last looked, whatever became of them. @type {Set<string>} */
  known = new Set();
  voice = h("div", { class: "kx-unseen", role: "status", "aria-live": "polite", id: "kx-voice" });

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    page.store.subscribe(["jobs", "versions", "project", "opened"], (changed) => this.look(changed.has("opened")));
  }

  /** @param {boolean} anew what another project's edits did meanwhile is not told here */
  look(anew) {
    const { store } = this.page;
    const open = new Map(store.openJobs().map((job) => [job.id, job]));
    const ended = anew ? [] : [...this.running.values()].filter(({ id }) => !open.has(id));
    this.running = open;
    for (const job of ended) this.tell(job);
    this.tellQuick(anew, new Set([...open.keys(), ...ended.map(({ id }) => id)]));
  }

  /**
   * An edit of a moment has ended in the very answer that would have shown it running.
   * @param {boolean} anew
   * @param {Set<string>} told edits that are told of as others are
   */
  tellQuick(anew, told) {
    const { jobs } = this.page.store;
    for (const version of this.fresh(anew)) {
      if (version.job && !told.has(version.job)) this.tellMade(version);
    }
    const lost = [...jobs.values()].filter(({ id, version }) => !version && !told.has(id) && !this.known.has(id));
    this.known = new Set(jobs.keys());
    for (const job of anew ? [] : lost) this.tellLost(job);
  }

  /** Versions that came since it was last looked; none of a project that was opened just now. @param {boolean} anew */
  fresh(anew) {
    const before = anew ? 0 : this.newest;
    const came = [...this.page.store.versions.values()].filter(({ number }) => number > before);
    this.newest = came.reduce((most, { number }) => Math.max(most, number), before);
    return anew ? [] : came;
  }

  /** @param {Job} job as it was while it ran */
  tell(job) {
    const { store } = this.page;
    const made = [...store.versions.values()].findLast((version) => version.job === job.id);
    if (made) this.tellMade(made, job);
    else this.tellLost(store.jobs.get(job.id) ?? job);
  }

  /** @param {VersionRow} made @param {Job} [job] as it was while it ran, if it was seen to run */
  tellMade(made, job) {
    const { store, canvas, call, toast } = this.page;
    markTitle();
    if (job) notices.tell(job, "Your edit is done", () => call("select", { version: made.id }));
    if (store.project?.head === made.id) {
      canvas.reveal(made.id);
      return this.say(`Done. ${made.outcome?.description || short(made.instruction)}`);
    }
    return toast(`“${short(made.instruction)}” is done.`, {
      label: "Show",
      run: () => call("select", { version: made.id }),
    });
  }

  /** @param {Job} job */
  tellLost(job) {
    const { instruction, parent, state, failure } = job;
    const { store, call, toast } = this.page;
    if (OPEN_STATES.includes(state)) return null;
    if (state !== "cancelled") {
      markTitle();
      notices.tell(job, failure?.message ?? "Your edit made no picture", () => this.page.show("chat"));
    }
    const onPath = store.path().some(({ id }) => id === parent);
    if (onPath || !parent) return this.say(failure?.message ?? `“${short(instruction)}” made no picture.`);
    return toast(`“${short(instruction)}” made no picture.`, {
      label: "Show",
      run: () => call("select", { version: parent }),
    });
  }

  /** @param {string} text */
  say(text) {
    this.voice.textContent = text;
  }
}

/** @param {string} text */
const short = (text) => cut(text, SHORT);

/** A dot in the tab's title until the page is looked at. */
function markTitle() {
  if (!document.hidden || document.title.startsWith(ARRIVED)) return;
  document.title = ARRIVED + document.title;
}

/** @param {Page} page */
export function mountArrivals(page) {
  const arrivals = new Arrivals(page);
  document.body.append(arrivals.voice);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && document.title.startsWith(ARRIVED)) document.title = document.title.slice(ARRIVED.length);
  });
}
