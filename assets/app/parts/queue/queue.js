// The queue: a chip in the top bar while anything runs, and behind it all that runs and waits, each with its stop.
import { stop } from "../../core/commands.js";
import { dialogOf } from "../../core/dialog.js";
import { button, fill, h, named } from "../../core/dom.js";
import { price } from "../../core/format.js";
import { icon } from "../../core/icons.js";
import { reconcile } from "../../core/reconcile.js";
import { lookElsewhere } from "../../core/session.js";
import { cut } from "../../core/versions.js";
import { counts, linesOf } from "./lines.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { Line } from "./lines.js" */

/** How often the progress of edits in other projects is asked for while it is looked at. */
const LOOK_MS = 2000;
const LONG = 90;
const SHORT = 40;

export class Queue {
  chip = button("kx-chip kx-queue-chip", "", () => this.open(), { id: "kx-queue-button", hidden: true });
  list = h("ul", { class: "kx-queue" });
  none = h("p", { class: "kx-muted" }, "Nothing runs just now.");
  /** @type {HTMLDialogElement | null} */
  dialog = null;
  timer = 0;
  /** @type {Map<string, Line>} What ran in other projects when last looked. */
  others = new Map();

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    page.store.subscribe(["jobs", "elsewhere", "opened"], (changed) => this.draw(changed.has("opened")));
  }

  /** @param {boolean} anew another project was opened */
  draw(anew = false) {
    const lines = linesOf(this.page.store);
    this.tellEnded(lines, anew);
    this.drawChip(lines);
    if (this.dialog) this.drawList(lines);
  }

  /** @param {Line[]} lines */
  drawChip(lines) {
    const said = counts(lines);
    this.chip.hidden = !lines.length;
    if (!lines.length || this.chip.dataset.said === said) return;
    this.chip.dataset.said = said;
    const many = h("span", { class: "kx-short" }, lines.length);
    fill(this.chip, h("span", { class: "kx-spinner" }), h("span", { class: "kx-long" }, said), many);
    named(this.chip, `Queue: ${said}`);
  }

  /** An edit of another project ends unseen: say so, with the way there. @param {Line[]} lines @param {boolean} anew */
  tellEnded(lines, anew) {
    const now = new Map(lines.flatMap((line) => (line.project ? [[line.id, line]] : [])));
    const ended = anew ? [] : [...this.others.values()].filter(({ id }) => !now.has(id));
    this.others = now;
    for (const { instruction, project } of ended) {
      if (!project || project.id === this.page.store.project?.id) continue;
      const run = () => this.page.open(project.id);
      this.page.toast(`“${cut(instruction, SHORT)}” in ${cut(project.title)} has ended.`, { label: "Show", run });
    }
  }

  open() {
    this.dialog = dialogOf("Queue", [this.none, this.list], { kind: "kx-wide" });
    this.dialog.addEventListener("close", () => {
      clearTimeout(this.timer);
      this.dialog = null;
    });
    this.draw();
    this.look();
  }

  look() {
    lookElsewhere();
    this.timer = window.setTimeout(() => this.look(), LOOK_MS);
  }

  /** @param {Line[]} lines */
  drawList(lines) {
    this.none.hidden = lines.length > 0;
    reconcile(this.list, lines, {
      key: ({ id }) => id,
      stamp: (line) => `${line.instruction} ${canGoSooner(line, lines)}`,
      draw: (line) => this.row(line, lines),
      refresh: (element, line) => refresh(element, line),
    });
  }

  /** @param {Line} line @param {Line[]} lines */
  row(line, lines) {
    const { id, instruction, project, usd } = line;
    const go = () => {
      this.dialog?.close();
      return this.page.open(project?.id ?? null);
    };
    const sooner = () => this.page.call("sooner", { job: id }).then(lookElsewhere);
    const about = [
      h("p", { class: "kx-queue-words" }, cut(instruction, LONG)),
      h("p", { class: "kx-muted kx-queue-state" }),
      project && button("kx-link kx-queue-project", project.title, go),
      h("progress", { max: 1, "aria-label": `Progress of ${cut(instruction)}` }),
    ];
    const controls = [
      usd ? h("span", { class: "kx-muted" }, price(usd)) : null,
      canGoSooner(line, lines) && button("kx-chip", "Sooner", sooner, { title: "Before your other edits in its line" }),
      button("kx-chip", [icon("stop"), "Stop"], () => this.stop(line), { "aria-label": `Stop ${cut(instruction)}` }),
    ];
    return h("li", { "data-job": id }, h("div", { class: "kx-grow" }, about), controls);
  }

  /** @param {Line} line */
  async stop({ id, project }) {
    const job = project ? null : (this.page.store.jobs.get(id) ?? null);
    if (job) return stop(this.page, job);
    await this.page.call("cancel", { job: id });
    lookElsewhere();
  }
}

/** Whether another edit of the same line goes before it. @param {Line} line @param {Line[]} lines */
function canGoSooner({ place, id }, lines) {
  return place !== null && lines.some((other) => other.id !== id && other.place !== null && other.place < place);
}

/** @param {HTMLElement} element @param {Line} line */
function refresh(element, { state, fraction, waiting }) {
  const said = /** @type {HTMLElement} */ (element.querySelector(".kx-queue-state"));
  if (said.textContent !== state) said.textContent = state;
  const bar = /** @type {HTMLProgressElement} */ (element.querySelector("progress"));
  bar.hidden = waiting;
  if (fraction === null) bar.removeAttribute("value");
  else bar.value = fraction;
}
