// An edit in the conversation that made no version: it still runs, or it ended without one.
import { url } from "../../core/api.js";
import { JOB, stop } from "../../core/commands.js";
import { button, h } from "../../core/dom.js";
import { toDraft } from "../../core/draft.js";
import { capital } from "../../core/format.js";
import { icon } from "../../core/icons.js";
import { commandButtons } from "../../core/offer.js";
import { OPEN_STATES } from "../../core/store.js";
import { chips } from "./chips.js";
import { instruction } from "./turn_card.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { Job } from "../../core/store.js" */

/** @type {Record<string, string>} */
export const STAGES = { queued: "Waiting", submitted: "Sent", running: "Working" };
/** @type {Record<string, string>} */
const BILLED = { yes: "It was billed.", no: "Nothing was billed.", maybe: "It may have been billed." };
const UNKNOWN = { message: "The edit ended without a picture.", hint: "", billed: "maybe", suggestions: [] };

/** @param {Job} job */
export const isOpen = (job) => OPEN_STATES.includes(job.state);

/** Whether it has no picture to edit yet. @param {Job} job */
export const waits = (job) => job.after !== null && !job.parent;

/** @param {Job} job @param {Page} page */
export function jobCard(job, page) {
  return h(
    "li",
    { class: `kx-turn kx-job kx-is-${job.state}`, "data-turn": job.id, "data-state": job.state },
    instruction(job.instruction),
    isOpen(job) ? runningCard(job, page) : failedCard(job, page),
  );
}

/** @param {Job} job @param {Page} page */
function runningCard(job, page) {
  return h(
    "div",
    { class: "kx-running" },
    h("img", { alt: "Preview of the edit", class: "kx-preview", hidden: true }),
    h(
      "div",
      { class: "kx-row" },
      h("span", { class: "kx-stage" }),
      !waits(job) && h("span", { class: "kx-muted", "data-since": Date.parse(job.created_at) }),
      button("kx-chip", [icon("stop"), "Stop"], () => stop(page, job)),
    ),
    !waits(job) && h("progress", { max: 1, "aria-label": "Progress of the edit" }),
  );
}

/** Progress changes many times a second: the card stays, so that focus and pointer do too. @param {HTMLElement} card @param {Job} job */
export function showProgress(card, job) {
  const stage = /** @type {HTMLElement} */ (card.querySelector(".kx-stage"));
  const bar = card.querySelector("progress");
  const preview = /** @type {HTMLImageElement} */ (card.querySelector(".kx-preview"));
  card.dataset.state = job.state;
  if (waits(job)) {
    stage.textContent = "Next, when the edit before it is done";
    return;
  }
  const now = job.queue_position ? `Place ${job.queue_position} in line` : job.stage || STAGES[job.state];
  stage.textContent = `${capital(now)} · ${job.backend_label}`;
  if (typeof job.fraction === "number" && bar) bar.value = job.fraction;
  else bar?.removeAttribute("value");
  const address = job.preview ? url(job.preview) : "";
  if (address && preview.src !== address) preview.src = address;
  preview.hidden = !preview.getAttribute("src"); // between two previews the last one stays
}

/** @param {Job} job @param {Page} page */
function failedCard(job, page) {
  const failure = job.failure ?? UNKNOWN;
  const stopped = job.state === "cancelled"; // what one did oneself is no failure
  const toldOfBill = `${failure.message} ${failure.hint}`.includes("billed");
  return h(
    "div",
    {
      class: stopped ? "kx-failure kx-stopped" : "kx-failure",
      role: "group",
      "aria-label": stopped ? "This edit was stopped" : "This edit did not succeed",
    },
    h("p", {}, !stopped && icon("warning"), failure.message),
    failure.hint && h("p", { class: "kx-muted" }, failure.hint),
    !toldOfBill && h("p", { class: "kx-muted" }, BILLED[failure.billed]),
    chips(failure.suggestions, toDraft(job), page),
    h("div", { class: "kx-actions" }, commandButtons(JOB, "job", page, job)),
  );
}
