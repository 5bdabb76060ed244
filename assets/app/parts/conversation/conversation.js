// The turns from the root to the head, newest at the bottom; only the newest few are in the page.
import { button, fill, h } from "../../core/dom.js";
import { clear, reconcile } from "../../core/reconcile.js";
import { controlsOf, stopAt, stopOf } from "../../core/roving.js";
import { isOpen, jobCard, showProgress, waits } from "./job_card.js";
import { rootCard, turnCard, undoneCard } from "./turn_card.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { Job, Store } from "../../core/store.js" */
/** @import { VersionRow } from "../../core/types.d.ts" */
/** @typedef {{version: VersionRow, job?: undefined, undone?: boolean} | {job: Job, version?: undefined, undone?: undefined}} Entry */

const WINDOW = 30;
const NEAR_END_PX = 80;
const TICK_MS = 500;

class Conversation {
  shown = WINDOW;
  clock = 0;
  atEnd = true;
  room = "";
  /** @type {Element | null} The turn that the Tab key leads to. */
  entered = null;
  older = button("kx-link kx-older", "Show earlier turns", () => this.showMore(), { hidden: true });
  welcome = welcome();
  list = h("ol", { class: "kx-turns", "aria-label": "Conversation" });
  scroller = h(
    "div",
    { class: "kx-scroll", role: "log", "aria-label": "Turns", "aria-live": "off" },
    this.welcome,
    this.older,
    this.list,
  );

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    page.store.subscribe(["project", "versions", "jobs", "tiers", "opened"], (changed) => {
      if (changed.has("opened")) this.begin();
      this.draw();
    });
    this.list.addEventListener("focusin", ({ target }) => {
      const card = /** @type {Element} */ (target).closest("li");
      if (card && card !== this.entered) this.enter(card);
    });
    this.list.addEventListener("keydown", (event) => this.keyed(event));
    this.scroller.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.scroller;
      const room = `${scrollHeight} ${clientHeight}`;
      // The browser scrolls by itself when something grows, before it says that it grew: only a person leaves the end.
      if (room === this.room) this.atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
      this.room = room;
    });
    // The composer grows and pictures come in: who was at the end stays there.
    const kept = new ResizeObserver(() => this.atEnd && this.toEnd());
    kept.observe(this.scroller);
    kept.observe(this.list);
  }

  begin() {
    this.shown = WINDOW;
    this.atEnd = true;
    clear(this.list);
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  showMore() {
    this.shown += WINDOW;
    this.draw();
  }

  draw() {
    const { store } = this.page;
    if (!store.project) return;
    const all = entriesOf(store);
    this.welcome.hidden = all.length > 0;
    this.older.hidden = all.length <= this.shown;
    const before = new Set(this.list.children);
    const cards = reconcile(this.list, all.slice(-this.shown), {
      key: keyOf,
      stamp: (entry) => stampOf(entry, store),
      draw: (entry) => this.card(entry),
      refresh: (card, { job }) => job && isOpen(job) && showProgress(card, job),
    });
    const begun = store.openJobs().map(({ id }) => cards.get(`j${id}`));
    const sent = begun.findLast((card) => card && !before.has(card));
    if (this.atEnd || before.size === 0) this.toEnd();
    if (sent && before.size) sent.scrollIntoView({ block: "nearest" });
    const kept = this.entered && this.list.contains(this.entered) && this.entered.contains(document.activeElement);
    this.enter(kept ? this.entered : this.list.lastElementChild);
    this.tick();
  }

  /** Of all turns the Tab key stops in one: what was said before is reached by the arrows. @param {Element | null} card */
  enter(card) {
    this.entered = card;
    for (const one of this.list.children) setStops(one, one === card);
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    const card = /** @type {Element} */ (event.target).closest("li");
    const cards = [...this.list.children];
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const next = card && step && cards[cards.indexOf(card) + step];
    if (!next || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    controlsOf(next)[0]?.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  /** @param {Entry} entry */
  card({ version, job, undone }) {
    if (job) return jobCard(job, this.page);
    if (undone) return undoneCard(version, this.page);
    return version.request ? turnCard(version, this.page) : rootCard(version, this.page);
  }

  /** The seconds of running edits go on while there are any. */
  tick() {
    clearTimeout(this.clock);
    const { store } = this.page;
    if (!store.openJobs().length) return;
    const now = Date.now() - store.ahead_ms;
    for (const shown of /** @type {NodeListOf<HTMLElement>} */ (this.list.querySelectorAll("[data-since]"))) {
      shown.textContent = `${Math.max(0, Math.round((now - Number(shown.dataset.since)) / 1000))} s`;
    }
    this.clock = window.setTimeout(() => this.tick(), TICK_MS);
  }
}

/** Let the Tab key into a turn, or past it. @param {Element} card @param {boolean} on */
function setStops(card, on) {
  const rows = /** @type {HTMLElement[]} */ ([...card.querySelectorAll("[role=toolbar]")]);
  for (const row of rows) stopAt(row, on ? (stopOf(row) ?? row) : null);
  const others = controlsOf(card).filter((control) => !rows.some((row) => row.contains(control)));
  for (const control of others) control.tabIndex = on ? 0 : -1;
}

function welcome() {
  const rules =
    "Each message is applied to the current picture and becomes a new version. Nothing is overwritten: undo moves " +
    "back, and an edit of an earlier version grows a new branch.";
  return h(
    "div",
    { class: "kx-welcome", hidden: true },
    h("h2", {}, "Edit a picture by saying what should change"),
    h("p", { class: "kx-muted" }, rules),
  );
}

/**
 * Versions on the path, each followed by the edits of it that made none; then what was undone.
 * @param {Store} store
 * @returns {Entry[]}
 */
export function entriesOf(store) {
  const jobs = [...store.jobs.values()].sort((a, b) => a.created_at.localeCompare(b.created_at));
  const onPath = store.path().flatMap((version) => {
    const edits = jobs.filter((job) => store.beginningOf(job) === version.id);
    return [{ version }, ...edits.map((job) => ({ job }))];
  });
  const fromText = jobs.filter((job) => !store.beginningOf(job)).map((job) => ({ job }));
  return [...onPath, ...fromText, ...store.undone().map((version) => ({ version, undone: true }))];
}

/** @param {Entry} entry */
const keyOf = ({ version, job }) => (job ? `j${job.id}` : `v${version.id}`);

/** What a card depends on, besides its progress. @param {Entry} entry @param {Store} store */
function stampOf({ version, job, undone }, store) {
  const offers = store.tiers.map((tier) => tier.chosen).join();
  if (job) return isOpen(job) ? `open ${waits(job)}` : JSON.stringify(job) + offers;
  if (undone) return `undone ${store.project?.redo === version.id}`;
  const answers = store.answers(version).map(({ id }) => id);
  return [version.digest, version.name, version.starred, version.id === store.project?.head, offers, answers].join();
}

/** @param {HTMLElement} root @param {Page} page */
export function mountConversation(root, page) {
  fill(root, new Conversation(page).scroller);
}
