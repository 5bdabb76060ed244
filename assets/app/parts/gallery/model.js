// What the gallery shows: which versions and failed edits, in which sections, in rows of so many.
import { counted } from "../../core/format.js";
import { askedFor, cut, differsBy } from "../../core/versions.js";
import { matcher } from "../tree/finding.js";

/** @import { Job } from "../../core/store.js" */
/** @import { VersionRow } from "../../core/types.d.ts" */
/** @import { Family } from "../tree/family.js" */

/** @typedef {"branches" | "grid" | "timeline"} View */
/** @typedef {"newest" | "oldest" | "words" | "changed"} Order */
/** @typedef {{key: string, created_at: string, version: VersionRow | null, job: Job | null}} Item */
/** @typedef {{key: string, title: string, about: () => string, items: Item[]}} Section `about` is read for few of them */
/** @typedef {{kind: "head", key: string, section: Section, hidden: number, foldable: boolean}
 *   | {kind: "cells", key: string, items: Item[]}} Line */

/**
 * @typedef {object} Filter
 * @property {string} text what `fold` gave
 * @property {boolean} starred
 * @property {boolean} masked
 * @property {boolean} failed only what failed
 * @property {string} tier "" for all
 * @property {string} model "" for all
 */

/** @type {Filter} */
export const NO_FILTER = { text: "", starred: false, masked: false, failed: false, tier: "", model: "" };
/** A branch shows so many rows until all of it is asked for. */
const ROWS_OF_BRANCH = 2;
const READ = 40;

/** @param {VersionRow} version @returns {Item} */
const ofVersion = (version) => ({ key: version.id, created_at: version.created_at, version, job: null });
/** @param {Job} job @returns {Item} */
const ofJob = (job) => ({ key: job.id, created_at: job.created_at, version: null, job });

/** @param {Iterable<VersionRow>} versions @param {Iterable<Job>} jobs failed ones @returns {Item[]} */
export function itemsOf(versions, jobs) {
  return [...[...versions].map(ofVersion), ...[...jobs].map(ofJob)];
}

/** @param {Filter} filter @returns {(item: Item) => boolean} */
export function passes({ text, starred, masked, failed, tier, model }) {
  const found = text ? matcher(text) : null;
  /** @type {[unknown, (item: Item) => unknown][]} Whether it is asked for, and what it asks. */
  const tests = [
    [failed, ({ job }) => job],
    [starred, ({ version }) => version?.starred],
    [masked, isMasked],
    [tier, (item) => tierOf(item) === tier],
    [model, ({ version }) => version?.outcome?.model === model],
    [found, ({ version, job }) => found?.(/** @type {VersionRow | Job} */ (version ?? job))],
  ];
  const asked = tests.filter(([wanted]) => wanted);
  return (item) => asked.every(([, holds]) => holds(item));
}

/** @param {Item} item */
const isMasked = (item) => Boolean(requestOf(item)?.mask || requestOf(item)?.region);
/** @param {Item} item */
const requestOf = ({ version, job }) => version?.request ?? job?.request ?? null;
/** @param {Item} item */
const tierOf = ({ version, job }) => version?.outcome?.tier ?? job?.request.tier ?? null;

/** How many there are of what can be filtered by. @param {Item[]} items */
export function facets(items) {
  /** @param {(item: Item) => string | null | undefined} of */
  const count = (of) => {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const item of items) {
      const value = of(item);
      if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return counts;
  };
  return {
    starred: items.filter(({ version }) => version?.starred).length,
    masked: items.filter(isMasked).length,
    failed: items.filter(({ job }) => job).length,
    tiers: count(tierOf),
    models: count(({ version }) => version?.outcome?.model),
  };
}

/** @type {Record<Order, (a: Item, b: Item) => number>} */
const ORDERS = {
  newest: (a, b) => (a.created_at < b.created_at ? 1 : -1),
  oldest: (a, b) => (a.created_at < b.created_at ? -1 : 1),
  words: (a, b) => wordsOf(a).localeCompare(wordsOf(b)),
  changed: (a, b) => (b.version?.outcome?.changed ?? 0) - (a.version?.outcome?.changed ?? 0),
};

/** @param {Item} item */
function wordsOf({ version, job }) {
  return version ? askedFor(version) : (job?.instruction ?? "");
}

/**
 * @param {View} view
 * @param {Item[]} items those that are shown
 * @param {Family<VersionRow>} family
 * @param {Order} order
 * @returns {Section[]}
 */
export function sections(view, items, family, order) {
  if (view === "branches") return lanes(items, family);
  const sorted = [...items].sort(ORDERS[order]);
  if (view === "grid") return [{ key: "all", title: "", about: () => "", items: sorted }];
  return hours(sorted);
}

/** A section for each line of the tree. @param {Item[]} items @param {Family<VersionRow>} family @returns {Section[]} */
function lanes(items, family) {
  const shown = new Map(items.map((item) => [item.key, item]));
  /** @type {Map<string | null, Item[]>} */
  const failed = new Map();
  for (const item of items) {
    if (item.job) failed.set(item.job.parent, [...(failed.get(item.job.parent) ?? []), item]);
  }
  const made = family.lines().map(({ from, members }, index) => {
    /** @type {Item[]} */
    const own = [];
    for (const { id } of members) {
      const item = shown.get(id);
      if (item) own.push(item);
      own.push(...(failed.get(id) ?? []));
    }
    const title = from ? `Branch ${index + 1}` : `From ${askedFor(members[0])}`;
    return { key: `lane-${members[0].id}`, title, about: () => aboutLane(from, members, family), items: own };
  });
  const lost = failed.get(null) ?? [];
  const rest = { key: "lane-", title: "From words alone", about: () => "", items: lost };
  return [...made, rest].filter(({ items: own }) => own.length);
}

/** @param {VersionRow | null} from @param {VersionRow[]} members @param {Family<VersionRow>} family */
function aboutLane(from, members, family) {
  const differs = from && differsBy(members.slice(0, READ), family.line(from, READ));
  const leaves = from && `leaves v${from.number} “${cut(askedFor(from))}”`;
  return [leaves, counted(members.length, "version"), differs && `differs by ${differs}`].filter(Boolean).join(" · ");
}

const hourNames = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "short" });

/** A section for each hour in which something was made. @param {Item[]} items @returns {Section[]} */
function hours(items) {
  /** @type {Map<number, Item[]>} */
  const found = new Map();
  for (const item of items) {
    const hour = new Date(item.created_at).setMinutes(0, 0, 0);
    const own = found.get(hour);
    if (own) own.push(item);
    else found.set(hour, [item]);
  }
  return [...found].map(([hour, own]) => ({
    key: `hour-${hour}`,
    title: hourNames.format(hour),
    about: () => counted(own.length, "version"),
    items: own,
  }));
}

/**
 * Sections as lines of the page: a heading, then rows of cells.
 * @param {Section[]} made
 * @param {number} columns
 * @param {(section: Section) => boolean} whole whether all of a section is shown, not only its end
 * @returns {Line[]}
 */
export function linesOf(made, columns, whole) {
  return made.flatMap((section) => {
    const most = ROWS_OF_BRANCH * columns;
    const foldable = section.key.startsWith("lane-") && section.items.length > most;
    const shown = foldable && !whole(section) ? section.items.slice(-most) : section.items;
    /** @type {Line[]} */
    const lines = [];
    const hidden = section.items.length - shown.length;
    if (section.title) lines.push({ kind: "head", key: section.key, section, hidden, foldable });
    for (let at = 0; at < shown.length; at += columns) {
      const items = shown.slice(at, at + columns);
      lines.push({ kind: "cells", key: `${section.key} ${items[0].key}`, items });
    }
    return lines;
  });
}
