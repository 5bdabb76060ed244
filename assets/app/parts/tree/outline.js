// The history as rows, one below the other: straight runs are folded, a side branch is one row until it is opened.

/** @import { Job } from "../../core/store.js" */
/** @import { VersionRow } from "../../core/types.d.ts" */
/** @import { Family } from "./family.js" */

/**
 * @typedef {{kind: "version", key: string, from: string[], version: VersionRow, side: boolean, last: boolean,
 *   more: number, open: boolean | null}} VersionEntry `side`: a branch begins with it; `last`: a line ends with it;
 *   `more`: how many a branch holds beside its first; `open`: `null` where there is nothing to open or close
 * @typedef {{kind: "fold", key: string, from: string[], hidden: VersionRow[]}} FoldEntry
 * @typedef {{kind: "job", key: string, from: string[], job: Job}} JobEntry
 * @typedef {VersionEntry | FoldEntry | JobEntry} Entry `from`: the versions that were left to get here, the trunk's first
 */

/**
 * @typedef {object} Wanted
 * @property {string | null} head
 * @property {Set<string>} kept versions that must be seen, whatever is folded
 * @property {Set<string>} opened first versions of the runs and side branches that somebody opened
 * @property {Job[]} jobs running edits
 */

/** A shorter run is not worth a fold. */
const SHORTEST_FOLD = 5;
/** How many at the end of a line, and on either side of the current version, stay in view. */
const BESIDE = 2;

/**
 * @param {Family<VersionRow>} family
 * @param {Wanted} wanted
 * @returns {Entry[]}
 */
export function outline(family, wanted) {
  return new Outline(family, wanted).entries;
}

class Outline {
  /** @type {Entry[]} */
  entries = [];
  /** @type {Map<string | null, Job[]>} */
  jobs = new Map();
  /** @type {Set<string>} What must be seen, and all above it. */
  reached = new Set();

  /** @param {Family<VersionRow>} family @param {Wanted} wanted */
  constructor(family, wanted) {
    this.family = family;
    this.wanted = wanted;
    for (const job of wanted.jobs) this.jobs.set(job.parent, [...(this.jobs.get(job.parent) ?? []), job]);
    for (const id of [wanted.head, ...wanted.kept, ...this.jobs.keys()]) this.reach(id);
    for (const root of family.roots) this.layLine(root, []);
    this.layJobs(null, []);
  }

  /** @param {string | null} id */
  reach(id) {
    const { members } = this.family;
    for (let at = members.get(id ?? ""); at && !this.reached.has(at.id); at = members.get(at.parent ?? "")) {
      this.reached.add(at.id);
    }
  }

  /**
   * @param {VersionRow} first
   * @param {string[]} from the versions that were left to get here
   * @param {{side?: boolean, more?: number, open?: boolean | null}} begins what the line's first entry is
   */
  layLine(first, from, begins = {}) {
    const line = this.family.line(first);
    const foldable = this.foldable(line);
    for (let index = 0; index < line.length; ) {
      const run = foldable.indexOf(false, index) - index;
      if (run >= SHORTEST_FOLD && !this.wanted.opened.has(line[index].id)) {
        const hidden = line.slice(index, index + run);
        this.entries.push({ kind: "fold", key: `fold-${hidden[0].id}`, from, hidden });
        index += run;
        continue;
      }
      const end = index + Math.max(run, 1);
      for (; index < end; index += 1) {
        const last = index === line.length - 1;
        this.layVersion(line[index], from, { last, ...(index === 0 && begins) });
      }
    }
  }

  /**
   * @param {VersionRow} version
   * @param {string[]} from the versions that were left to get here
   * @param {{last: boolean, side?: boolean, more?: number, open?: boolean | null}} how
   */
  layVersion(version, from, { last, side = false, more = 0, open = null }) {
    this.entries.push({ kind: "version", key: version.id, from, version, side, last, more, open });
    this.layJobs(version.id, [...from, version.id]);
    for (const first of this.family.sides(version.id)) this.laySide(first, [...from, version.id]);
  }

  /** @param {VersionRow} first @param {string[]} from */
  laySide(first, from) {
    const more = (this.family.sizes.get(first.id) ?? 1) - 1;
    const must = this.reached.has(first.id);
    if (more && (must || this.wanted.opened.has(first.id)))
      this.layLine(first, from, { side: true, more, open: must ? null : true });
    else {
      const open = more ? false : null;
      this.entries.push({ kind: "version", key: first.id, from, version: first, side: true, last: true, more, open });
      this.layJobs(first.id, [...from, first.id]);
    }
  }

  /** @param {string | null} parent @param {string[]} from */
  layJobs(parent, from) {
    for (const job of this.jobs.get(parent) ?? []) this.entries.push({ kind: "job", key: job.id, from, job });
  }

  /**
   * Whether a fold may hide it: nothing leaves it, nothing marks it, no end and not the current version is near.
   * @param {VersionRow[]} line
   */
  foldable(line) {
    const { head, kept } = this.wanted;
    const current = line.findIndex(({ id }) => id === head);
    return line.map(({ id, starred, name }, index) => {
      const nearHead = current >= 0 && Math.abs(index - current) <= BESIDE;
      const nearEnd = index === 0 || index >= line.length - BESIDE;
      const marked = starred || name || kept.has(id) || this.jobs.has(id) || this.family.childrenOf(id).length > 1;
      return !(nearHead || nearEnd || marked);
    });
  }
}
