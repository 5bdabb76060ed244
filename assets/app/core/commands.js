// Everything that can be done, once: what it is called, which keys do it, where it is offered, and what happens.
// Keys, menus, buttons, the help and the README's table of keys are drawn from here, which is why it is a long file.
import { inTier, toDraft, withSeed } from "./draft.js";

/** @import { Page, ProjectEntry } from "./page.d.ts" */
/** @import { IconName } from "./icons.js" */
/** @import { Job } from "./store.js" */
/** @import { EditDraft, VersionRow } from "./types.d.ts" */

/**
 * @template S what it is done to; nothing for what concerns the whole page
 * @typedef {object} Command
 * @property {string} id
 * @property {string | ((subject: S, page: Page) => string)} label
 * @property {(page: Page, subject: S) => unknown} [run]
 * @property {(page: Page) => unknown} [press] for what lasts as long as a key or button is held
 * @property {(page: Page) => unknown} [release]
 * @property {(page: Page, subject: S) => boolean} [when] whether it can be done now; always, without it
 * @property {string[]} [keys] as `keyOf` names them; others than the first are not shown
 * @property {string} [help] beside its key, where the label does not say all
 * @property {IconName} [icon]
 * @property {Place[]} [places]
 * @property {"chip"} [looks] drawn with its words instead of as an icon
 */

/** @typedef {"bar" | "tools" | "view tools" | "turn" | "job" | "menu" | "project"} Place */

/** @param {Page} page */
const hasPicture = ({ store }) => store.head() !== null;
/** @param {Page} page */
const masking = (page) => hasPicture(page) && page.canvas.mode === "mask";
/** @type {(page: Page, version: VersionRow) => boolean} */
const notTheHead = ({ store }, version) => version.id !== store.project?.head;
/** @param {VersionRow} version */
const seedOf = (version) => version.outcome?.seed ?? null;

/** Whether the same request to the same backend makes the same picture each time. @param {Page} page @param {VersionRow} version */
function isExact({ store }, { outcome }) {
  const backends = store.tiers.flatMap((tier) => tier.backends);
  return backends.find(({ id }) => id === outcome?.backend)?.full_resolution ?? false;
}

const ZOOM_STEP = 1.25;
const BRUSH_STEP = 1.2;

/** @type {Command<void>[]} */
export const PAGE = [
  { id: "projects", label: "Projects", icon: "menu", places: ["bar"], run: (page) => page.dialogs.projects() },
  {
    id: "help",
    label: "Help and keys",
    icon: "help",
    keys: ["?"],
    places: ["bar"],
    run: (page) => page.dialogs.help(),
  },
  { id: "theme", label: "Light or dark", icon: "theme", places: ["bar"], run: (page) => page.switchTheme() },
  { id: "settings", label: "Settings", icon: "gear", places: ["bar"], run: (page) => page.dialogs.settings() },
  { id: "prompt", label: "Write an instruction", keys: ["/"], run: (page) => page.composer.focus() },
  { id: "mask-undo", label: "Undo in the mask", keys: ["Mod+Z"], when: masking, run: (page) => page.canvas.undoMask() },
  {
    id: "mask-redo",
    label: "Redo in the mask",
    keys: ["Shift+Mod+Z"],
    when: masking,
    run: (page) => page.canvas.redoMask(),
  },
  {
    id: "undo",
    label: "Undo",
    icon: "undo",
    keys: ["Mod+Z"],
    places: ["tools"],
    when: ({ store }) => Boolean(store.head()?.parent),
    run: (page) => page.call("undo"),
  },
  {
    id: "redo",
    label: "Redo",
    icon: "redo",
    keys: ["Shift+Mod+Z", "Mod+Y"],
    places: ["tools"],
    when: ({ store }) => Boolean(store.project?.redo),
    run: (page) => page.call("redo"),
  },
  {
    id: "compare",
    label: "Compare with the version before",
    help: "Compare with the version before; hold to see it",
    icon: "compare",
    keys: ["C"],
    places: ["tools"],
    when: hasPicture,
    run: (page) => page.canvas.toggleCompare(),
    press: (page) => page.canvas.pressCompare(),
    release: (page) => page.canvas.releaseCompare(),
  },
  {
    id: "peek",
    label: "Hold to see the version before",
    icon: "peek",
    places: ["tools"],
    when: hasPicture,
    press: (page) => page.canvas.peek(true),
    release: (page) => page.canvas.peek(false),
  },
  {
    id: "mask",
    label: "Paint a mask",
    icon: "mask",
    keys: ["M"],
    places: ["tools"],
    when: hasPicture,
    run: (page) => page.canvas.toggleMask(),
  },
  {
    id: "changed",
    label: "Show what changed",
    icon: "changed",
    places: ["tools"],
    when: hasPicture,
    run: (page) => page.canvas.toggleChanged(),
  },
  {
    id: "brush-smaller",
    label: "Smaller brush",
    keys: ["["],
    when: masking,
    run: (page) => page.canvas.growBrush(1 / BRUSH_STEP),
  },
  {
    id: "brush-larger",
    label: "Larger brush",
    keys: ["]"],
    when: masking,
    run: (page) => page.canvas.growBrush(BRUSH_STEP),
  },
  { id: "zoom-in", label: "Zoom in", keys: ["+", "="], when: hasPicture, run: (page) => page.canvas.zoomBy(ZOOM_STEP) },
  {
    id: "zoom-out",
    label: "Zoom out",
    keys: ["-"],
    when: hasPicture,
    run: (page) => page.canvas.zoomBy(1 / ZOOM_STEP),
  },
  { id: "actual", label: "Actual pixels", keys: ["1"], when: hasPicture, run: (page) => page.canvas.zoomTo(1) },
  {
    id: "fit",
    label: "Fit to the window",
    icon: "fit",
    keys: ["0"],
    places: ["view tools"],
    when: hasPicture,
    run: (page) => page.canvas.fit(),
  },
  {
    id: "download",
    label: "Download",
    icon: "download",
    places: ["view tools"],
    when: hasPicture,
    run: (page) => page.dialogs.download(),
  },
  {
    id: "leave",
    label: "Leave a tool",
    keys: ["Escape"],
    when: (page) => page.canvas.mode !== "view",
    run: (page) => page.canvas.leave(),
  },
  {
    id: "stop",
    label: "Stop the running edit",
    icon: "stop",
    keys: ["Escape"],
    when: ({ store }) => store.runningHere() !== null,
    run: (page) => stop(page, page.store.runningHere()),
  },
];

/** @type {Command<VersionRow>[]} */
export const VERSION = [
  {
    id: "retry",
    label: (version) => (seedOf(version) === null ? "Try again" : "Try again with a new seed"),
    icon: "retry",
    places: ["turn"],
    when: (page, version) => seedOf(version) !== null || !isExact(page, version),
    run: (page, version) => {
      const draft = toDraft(version);
      return send(page, seedOf(version) === null ? draft : withSeed(draft, null));
    },
  },
  {
    id: "same-seed",
    label: "Same seed",
    looks: "chip",
    places: ["turn"],
    when: (_, version) => seedOf(version) !== null,
    run: (page, version) => send(page, withSeed(toDraft(version), seedOf(version))),
  },
  {
    id: "resend",
    label: "Edit the instruction and send it again",
    icon: "edit",
    places: ["turn"],
    run: (page, version) => page.composer.take(toDraft(version)),
  },
  {
    id: "go-on",
    label: "Go on from here",
    icon: "fork",
    places: ["turn", "menu"],
    when: notTheHead,
    run: (page, version) => page.call("select", { version: version.id }),
  },
  {
    id: "compare-with",
    label: "Compare with the current version",
    places: ["menu"],
    when: notTheHead,
    run: (page, version) => page.canvas.compareWith(version.id),
  },
  {
    id: "star",
    label: (version) => (version.starred ? "Remove the star" : "Star"),
    places: ["menu"],
    run: (page, version) => page.call("star", { version: version.id, starred: !version.starred }),
  },
  { id: "name", label: "Name…", places: ["menu"], run: (page, version) => page.dialogs.name(version) },
  {
    id: "use-as-reference",
    label: "Use as a reference image",
    places: ["menu"],
    run: (page, version) => page.store.addReference(version.digest),
  },
  {
    id: "collapse",
    label: "Redo all steps in one edit",
    places: ["menu"],
    when: (_, version) => version.parent !== null,
    run: (page, version) => page.composer.take(inOneRequest(page.store.path(version.id))),
  },
  { id: "prune", label: "Prune this branch", places: ["menu"], run: prune },
];

/** @type {Command<Job>[]} */
export const JOB = [
  {
    id: "put-back",
    label: "Edit and resend",
    icon: "edit",
    looks: "chip",
    places: ["job"],
    run: (page, job) => page.composer.take(toDraft(job)),
  },
  {
    id: "send-again",
    label: "Send again",
    icon: "retry",
    looks: "chip",
    places: ["job"],
    when: (_, job) => job.failure?.kind !== "NotUnderstood",
    run: (page, job) => send(page, toDraft(job)),
  },
  {
    id: "ask-provider",
    label: "Check for a result",
    icon: "search",
    looks: "chip",
    places: ["job"],
    when: (_, job) => job.can_check,
    run: (page, job) => page.call("check_again", { job: job.id }),
  },
  {
    id: "send-to-capable",
    label: (job, page) => `Send to ${capableTier(page, job)?.label}`,
    looks: "chip",
    places: ["job"],
    when: (page, job) => Boolean(capableTier(page, job)?.chosen),
    run: (page, job) => sendToTier(page, job, job.failure?.capable_tier ?? job.request.tier),
  },
  {
    id: "connect",
    label: "Connect a model",
    looks: "chip",
    places: ["job"],
    when: (page, job) => Boolean(job.failure?.capable_tier) && !capableTier(page, job)?.chosen,
    run: (page, job) => page.dialogs.settings(capableTier(page, job)?.backends.find(({ takes_key }) => takes_key)?.id),
  },
  {
    id: "dismiss",
    label: "Dismiss",
    icon: "close",
    places: ["job"],
    run: (page, job) => page.call("dismiss", { job: job.id }),
  },
];

/** @type {Command<ProjectEntry>[]} */
export const PROJECT = [
  {
    id: "rename-project",
    label: ({ row }) => `Rename ${row.title}`,
    icon: "edit",
    places: ["project"],
    when: (_, { binned }) => !binned,
    run: (_, entry) => entry.rename(),
  },
  {
    id: "duplicate-project",
    label: ({ row }) => `Duplicate ${row.title}`,
    icon: "copy",
    places: ["project"],
    when: (_, { binned }) => !binned,
    run: (page, entry) => actOn(page, entry, "duplicate_project"),
  },
  {
    id: "bin-project",
    label: ({ row }) => `Move ${row.title} to the bin`,
    icon: "trash",
    places: ["project"],
    when: (_, { binned }) => !binned,
    run: binProject,
  },
  {
    id: "restore-project",
    label: "Restore",
    looks: "chip",
    places: ["project"],
    when: (_, { binned }) => binned,
    run: (page, entry) => actOn(page, entry, "restore_project"),
  },
];

/** Stop an edit; its words go back into the box unless something else is being written. @param {Page} page @param {Job | null} job */
export async function stop(page, job) {
  if (!job) return;
  const { error } = await page.call("cancel", { job: job.id });
  if (!error && !page.store.draft.instruction.trim()) page.composer.take(toDraft(job));
}

/** @param {Page} page @param {EditDraft} draft */
export function send(page, draft) {
  return page.call("submit", { draft });
}

/**
 * @param {Page} page
 * @param {import("./draft.js").Turn} turn
 * @param {string} tier
 */
export function sendToTier(page, turn, tier) {
  return send(page, inTier(toDraft(turn), tier));
}

/** @param {Page} page @param {Job} job */
function capableTier({ store }, job) {
  const wanted = job.failure?.capable_tier;
  return store.tiers.find((offer) => offer.tier === wanted) ?? null;
}

/** A chain's instructions as one draft on its root. @param {VersionRow[]} path */
function inOneRequest([root, ...steps]) {
  const instructions = steps.map((step) => step.instruction.trim().replace(/\.$/, ""));
  return { instruction: instructions.join(". Then "), prompt: "", parent: root.id };
}

/** @param {Page} page @param {VersionRow} version */
async function prune(page, version) {
  const answer = await page.call("prune", { version: version.id });
  if (answer.error) return;
  const count = answer.result.length;
  const run = () => page.call("restore_version", { version: version.id });
  page.toast(count === 1 ? "One version pruned." : `${count} versions pruned.`, { label: "Undo", run });
}

/** @param {Page} page @param {ProjectEntry} entry @param {string} action */
async function actOn(page, { row, reload }, action) {
  await page.call(action, { project: row.id });
  await reload();
}

/** @param {Page} page @param {ProjectEntry} entry */
async function binProject(page, entry) {
  const { row } = entry;
  await actOn(page, entry, "delete_project");
  page.toast(`“${row.title}” is in the bin.`, { label: "Undo", run: () => actOn(page, entry, "restore_project") });
  if (row.id === page.store.project?.id) await page.open(null);
}
