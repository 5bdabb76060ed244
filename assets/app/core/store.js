// The page's one state, and who is told when it changes. It knows neither the server nor the page's elements.
import { emptyDraft } from "./draft.js";

/** @import { EditDraft, ExampleRow, JobRow, OverviewRow, Patch, ProgressRow, ProjectRow, QueueRow, TierRow, VersionRow } from "./types.d.ts" */
/** @typedef {Partial<Patch> & {preferences?: Record<string, any> | null, examples?: ExampleRow[], notice?: string}} AnyPatch */
/** @typedef {JobRow & Partial<ProgressRow>} Job */
/** @typedef {"project" | "versions" | "jobs" | "tiers" | "preferences" | "examples" | "notice" | "look" | "draft" | "online" | "elsewhere" | "opened"} Key */
/** @typedef {(changed: Set<Key>) => void} Listener */

export const OPEN_STATES = ["queued", "submitted", "running"];

/** In a tab that nobody sees no frame is ever drawn. @param {() => void} run */
const nextFrame = (run) => (document.hidden ? setTimeout(run) : requestAnimationFrame(run));

export class Store {
  /** @param {(run: () => void) => unknown} schedule calls its argument soon, once */
  constructor(schedule = nextFrame) {
    this.schedule = schedule;
    /** @type {ProjectRow | null} */
    this.project = null;
    /** @type {Map<string, VersionRow>} */
    this.versions = new Map();
    /** @type {Map<string | null, Set<string>>} Ids by parent, oldest first. */
    this.children = new Map();
    /** @type {Map<string, Job>} */
    this.jobs = new Map();
    /** @type {TierRow[]} */
    this.tiers = [];
    /** @type {Record<string, any>} */
    this.preferences = {};
    /** @type {ExampleRow[]} */
    this.examples = [];
    /** @type {QueueRow[]} What runs and waits in other projects. */
    this.elsewhere = [];
    /** What everybody here should know. */
    this.notice = "";
    /** @type {OverviewRow | null} What is seen in the current picture. */
    this.look = null;
    this.draft = emptyDraft();
    this.revision = 0;
    this.ready = false;
    this.online = true;
    /** By how much the clock here is ahead of the server's. */
    this.ahead_ms = 0;
    /** @type {Set<{listener: Listener, keys: Set<Key>}>} */
    this.listeners = new Set();
    /** @type {Set<Key>} */
    this.pending = new Set();
  }

  /**
   * Call `listener` now and after changes to one of `keys`, at most once a frame.
   * @param {Key[]} keys
   * @param {Listener} listener
   */
  subscribe(keys, listener) {
    this.listeners.add({ listener, keys: new Set(keys) });
    if (this.ready) listener(new Set());
  }

  /** @param {Key[]} keys */
  changed(...keys) {
    const scheduled = this.pending.size > 0;
    for (const key of keys) this.pending.add(key);
    if (!scheduled) this.schedule(() => this.tell());
  }

  tell() {
    const changed = this.pending;
    this.pending = new Set();
    for (const { listener, keys } of this.listeners) {
      if ([...keys].some((key) => changed.has(key))) listener(changed);
    }
  }

  /** Forget the project before another is read. */
  clear() {
    this.project = null;
    this.versions = new Map();
    this.children = new Map();
    this.jobs = new Map();
    this.revision = 0;
  }

  /**
   * Merge a partial snapshot: rows by id, everything else as it comes.
   * @param {AnyPatch | null | undefined} patch
   */
  applyPatch(patch) {
    if (!patch || (patch.project && this.project && patch.project.id !== this.project.id)) return;
    this.mergeRows(patch);
    for (const key of /** @type {const} */ (["project", "tiers", "preferences", "examples", "notice"])) {
      const value = patch[key];
      if (value) this.put(key, value);
    }
    this.revision = Math.max(this.revision, patch.revision ?? 0);
  }

  /**
   * What an answer says that it changed. The stream may be ahead of it, and then knows better; it may also have more
   * that is still to come, so the answer's revision is not the page's.
   * @param {AnyPatch | null | undefined} patch
   */
  applyAnswer(patch) {
    const known = patch?.revision && patch.revision <= this.revision;
    if (!known) this.applyPatch(patch && { ...patch, revision: 0 });
  }

  /** @param {AnyPatch} patch */
  mergeRows({ versions = [], removed_versions = [], jobs = [] }) {
    for (const row of versions) this.putVersion(row);
    for (const id of removed_versions) this.dropVersion(id);
    if (versions.length + removed_versions.length) this.changed("versions");
    for (const row of jobs) this.mergeJob(row);
    if (jobs.length) this.changed("jobs");
  }

  /** @param {VersionRow} row */
  putVersion(row) {
    this.versions.set(row.id, row);
    const siblings = this.children.get(row.parent) ?? new Set();
    this.children.set(row.parent, siblings.add(row.id));
  }

  /** @param {string} id */
  dropVersion(id) {
    this.children.get(this.versions.get(id)?.parent ?? null)?.delete(id);
    this.versions.delete(id);
  }

  /**
   * @template {"project" | "tiers" | "preferences" | "examples" | "notice" | "look" | "online" | "elsewhere"} K
   * @param {K} key
   * @param {Store[K]} value
   */
  put(key, value) {
    if (this[key] === value) return;
    /** @type {Pick<Store, K>} */ (this)[key] = value;
    this.changed(key);
  }

  /** @param {JobRow | ProgressRow} row */
  mergeJob(row) {
    const known = this.jobs.get(row.id);
    const whole = "state" in row;
    if (whole && (row.dismissed || (row.state === "done" && row.version))) this.jobs.delete(row.id);
    else if (whole) this.jobs.set(row.id, { ...known, ...row });
    else if (known) this.jobs.set(row.id, { ...known, ...row });
  }

  /** @param {Partial<EditDraft>} fields */
  setDraft(fields) {
    this.draft = { ...this.draft, ...fields };
    this.changed("draft");
  }

  /** @param {string} image a stored picture's digest */
  addReference(image) {
    this.setDraft({ references: [...this.draft.references, { image }] });
  }

  head() {
    return this.version(this.project?.head);
  }

  /** @param {string | null | undefined} id */
  version(id) {
    return (id && this.versions.get(id)) || null;
  }

  /** Versions from the root to `id`. @param {string | null | undefined} id */
  path(id = this.project?.head) {
    const path = [];
    for (let version = this.version(id); version; version = this.version(version.parent)) path.push(version);
    return path.reverse();
  }

  /** Versions that edits made of the same picture, oldest first, this one among them. @param {VersionRow} version */
  answers(version) {
    if (version.parent === null) return [version];
    const rows = [...(this.children.get(version.parent) ?? [])].map((id) => this.versions.get(id));
    return /** @type {VersionRow[]} */ (rows.filter((row) => row?.request));
  }

  /** The newest version at the end of what grew from `version`, following each time its newest child. @param {VersionRow} version */
  newestFrom(version) {
    let last = version;
    for (let next = version.id; next; next = [...(this.children.get(next) ?? [])].at(-1) ?? "") {
      last = this.versions.get(next) ?? last;
    }
    return last;
  }

  /** What was undone: from the version that redo goes to, on to its newest children. */
  undone() {
    const next = this.version(this.project?.redo);
    if (!next) return [];
    const path = this.path(this.newestFrom(next).id);
    return path.slice(path.indexOf(next));
  }

  openJobs() {
    return [...this.jobs.values()].filter((job) => OPEN_STATES.includes(job.state));
  }

  /** The newest running edit of the current version. */
  runningHere() {
    return this.openJobs().findLast((job) => job.parent === this.project?.head) ?? null;
  }

  /** The last edit in the line that begins with the one of the current version: what a follow-up waits for. */
  lastInLine() {
    const open = this.openJobs();
    let last = this.runningHere();
    for (let next = last; next; next = open.findLast((job) => job.after === last?.id && !job.parent) ?? null)
      last = next;
    return last;
  }

  /** The version that a job's line began with. @param {Job} job @returns {string | null} */
  beginningOf(job) {
    const before = job.parent || !job.after ? null : this.jobs.get(job.after);
    if (before) return this.beginningOf(before);
    return job.parent;
  }

  tier(name = this.draft.tier) {
    return this.tiers.find((offer) => offer.tier === name) ?? null;
  }

  /** Who carries the model that was picked: the tier's usual one, unless it is another. */
  offer() {
    const tier = this.tier();
    return tier?.others?.find((other) => other.model === this.draft.model) ?? tier;
  }

  /** The backend a request would go to now: the pinned one, else the router's choice. */
  backend() {
    const offer = this.offer();
    const wanted = this.draft.backend ?? offer?.chosen;
    return offer?.backends.find((backend) => backend.id === wanted) ?? offer?.backends[0] ?? null;
  }
}

export const store = new Store();
