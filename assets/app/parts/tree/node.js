// One row of the history: a version, a run that is folded, or an edit that runs or failed.
import { button, fill, h, iconButton, named } from "../../core/dom.js";
import { capital, counted } from "../../core/format.js";
import { icon } from "../../core/icons.js";
import { imageUrl } from "../../core/session.js";
import { OPEN_STATES } from "../../core/store.js";
import { askedFor, cut, describe, facts, isLong, numberOf } from "../../core/versions.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { Job } from "../../core/store.js" */
/** @import { VersionRow } from "../../core/types.d.ts" */
/** @import { Entry, VersionEntry, FoldEntry } from "./outline.js" */

const STARTED = 0.1;
const DEEPEST = 5;
const FOLD_LENGTH = 90;
/** Dragging is a mouse's; on a touch screen it would take the place of a resting finger. */
const canDrag = matchMedia("(pointer: fine)").matches;

/** Running edits; a follow-up, which has no version yet, stands with the edit that it waits for. @param {Page} page */
export function runningOf({ store }) {
  return store.openJobs().map((job) => ({ ...job, parent: store.beginningOf(job) }));
}

/** How high a row is, in CSS pixels. @param {Entry} entry */
export const heightOf = (entry) => (entry.kind === "fold" ? 36 : 88);

/** Lines that show which row grows from which. @param {Entry} entry */
function rails(entry) {
  const { from, kind } = entry;
  const ends = kind === "job" || (kind === "version" && entry.last);
  const begins = kind === "version" && (entry.side || !entry.version.parent);
  const looks = [kind !== "fold" && "kx-dot", ends && "kx-ends", begins && "kx-begins", kind === "job" && "kx-begins"];
  const own = h("span", { class: ["kx-rail", ...looks].filter(Boolean).join(" ") });
  const outer = Array.from({ length: Math.min(from.length, DEEPEST) }, () => h("span", { class: "kx-rail" }));
  return h("span", { class: "kx-rails", "aria-hidden": "true" }, outer, own);
}

/**
 * Colour the lines that the current version stands on.
 * @param {HTMLElement} element
 * @param {boolean[]} onPath for each line of the row, the trunk's first
 */
export function colourRails(element, onPath) {
  const lines = element.querySelectorAll(".kx-rail");
  for (const [index, line] of lines.entries()) {
    line.classList.toggle("kx-on-path", onPath[index < lines.length - 1 ? index : onPath.length - 1]);
  }
}

/** @param {VersionRow} version @param {string} looks */
export function thumbnail(version, looks = "") {
  const props = {
    class: isLong(version) ? "kx-whole" : "",
    src: imageUrl(version.digest, "thumb"),
    alt: "",
    draggable: "false",
  };
  return h("span", { class: `kx-shot ${looks}`.trim() }, h("img", { ...props, decoding: "async" }));
}

/** @param {VersionEntry} entry */
export function versionRow(entry) {
  const { version } = entry;
  const props = { class: "kx-node kx-row-node", role: "treeitem", tabindex: "-1", "data-version": version.id };
  const menu = iconButton(icon("more"), "", null, { class: "kx-icon-button kx-node-menu", tabindex: "-1" });
  const words = h("span", { class: "kx-node-words" });
  return h("div", { ...props, draggable: String(canDrag) }, rails(entry), thumbnail(version), words, menu);
}

/**
 * What may change about a version's row.
 * @param {HTMLElement} element
 * @param {VersionEntry} entry
 * @param {{head: boolean, onPath: boolean, level: number, differs: string, toggle: () => void}} about
 */
export function refreshVersion(element, entry, { head, onPath, level, differs, toggle }) {
  const { version, open, more } = entry;
  element.setAttribute("aria-level", String(level));
  element.setAttribute("aria-selected", String(head));
  element.setAttribute("aria-label", [describe(version), differs && `a branch: ${differs}`].filter(Boolean).join(", "));
  if (open === null) element.removeAttribute("aria-expanded");
  else element.setAttribute("aria-expanded", String(open));
  element.classList.toggle("kx-on-path", onPath);
  element.classList.toggle("kx-starred", version.starred);
  element.classList.toggle("kx-side", entry.side);
  const words = /** @type {HTMLElement} */ (element.querySelector(".kx-node-words"));
  const signature = JSON.stringify([facts(version), version.starred, open, more, differs]);
  if (words.dataset.signature === signature) return;
  words.dataset.signature = signature;
  const label = open ? "Close the branch" : `Open the branch, ${more} more`;
  const toggling = open !== null && button("kx-toggle", open ? "▾" : `▸ +${more}`, toggle, { tabindex: "-1" });
  if (toggling) named(toggling, label);
  const star = version.starred && h("b", { class: "kx-star" }, "★ ");
  const number = h("span", { class: "kx-node-number" }, star, numberOf(version));
  fill(
    words,
    h("span", { class: "kx-node-title", title: askedFor(version) }, askedFor(version)),
    differs && h("span", { class: "kx-node-differs", title: differs }, `then ${differs}`),
    h(
      "span",
      { class: "kx-row kx-node-last" },
      number,
      h("span", { class: "kx-node-facts" }, facts(version)),
      toggling,
    ),
  );
  named(/** @type {HTMLElement} */ (element.querySelector(".kx-node-menu")), `What to do with v${version.number}`);
}

/** @param {FoldEntry} entry @param {() => void} open */
export function foldRow(entry, open) {
  const steps = entry.hidden.map((version) => cut(askedFor(version), FOLD_LENGTH / 3)).join(", ");
  const words = `▸ ${counted(entry.hidden.length, "step")}: ${cut(steps, FOLD_LENGTH)}`;
  const props = { class: "kx-row-node kx-fold-row", role: "treeitem", tabindex: "-1", "aria-expanded": "false" };
  const [first, last] = [entry.hidden[0], entry.hidden[entry.hidden.length - 1]];
  const title = `v${first.number} to v${last.number}`;
  const label = `${counted(entry.hidden.length, "step")} from ${title}, folded`;
  const fold = h("span", { class: "kx-fold", title }, words);
  return h("div", { ...props, "aria-selected": "false", "aria-label": label, onclick: open }, rails(entry), fold);
}

/** @param {Entry & {kind: "job"}} entry @param {VersionRow | null} parent */
export function jobRow(entry, parent) {
  const { job } = entry;
  const running = OPEN_STATES.includes(job.state);
  const props = {
    class: `kx-row-node kx-ghost ${running ? "" : "kx-failed"}`.trim(),
    role: "treeitem",
    tabindex: "-1",
  };
  const ring = h("span", { class: "kx-ring" });
  const thumb = parent ? thumbnail(parent, "kx-waiting") : h("span", { class: "kx-shot kx-waiting" });
  thumb.append(running ? ring : h("span", { class: "kx-broken" }, icon("warning")));
  const words = h("span", { class: "kx-node-words" }, h("span", { class: "kx-node-title" }, job.instruction));
  words.append(h("span", { class: "kx-node-facts" }));
  return h("div", { ...props, "aria-selected": "false", "data-job": job.id }, rails(entry), thumb, words);
}

/** @param {HTMLElement} element @param {Job} job @param {number} level */
export function refreshJob(element, job, level) {
  const running = OPEN_STATES.includes(job.state);
  const stage = running ? capital(job.stage || "waiting") : (job.failure?.message ?? "Did not finish");
  element.style.setProperty("--done", String(job.fraction ?? STARTED));
  element.setAttribute("aria-level", String(level));
  element.setAttribute("aria-label", `${job.instruction}, ${running ? "running" : "failed"}`);
  const shown = /** @type {HTMLElement} */ (element.querySelector(".kx-node-facts"));
  const text = [stage, job.backend_label].filter(Boolean).join(" · ");
  if (shown.textContent !== text) shown.textContent = text;
}
