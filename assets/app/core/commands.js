// Everything that can be done, once: what it is called, which keys do it, where it is offered, and what happens.
// Keys, menus, buttons, the help and the README's table of keys are drawn from here, which is why it is a long file.
import { inTier, toDraft, withSeed } from "./draft.js";
import { price, sentence } from "./format.js";
import { DOUBLE_CLICK_MS, sending } from "./sending.js";
import { askedFor, cut } from "./versions.js";

/** @import { Gallery, Page, PanelName, Panels, ProjectEntry } from "./page.d.ts" */
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
 * @property {true} [whileTyping] its key works in a field too
 * @property {string} [help] beside its key, where the label does not say all
 * @property {IconName} [icon]
 * @property {string | ((subject: S, page: Page) => string)} [word] beside the icon, where there is room
 * @property {Place[]} [places]
 * @property {"chip"} [looks] drawn with its words instead of as an icon
 */

/** @typedef {"bar" | "tools" | "view tools" | "turn" | "job" | "menu" | "project" | "history" | "marked"} Place */

/** @param {Page} page */
const hasPicture = ({ store }) => store.head() !== null;
/** @param {Page} page */
const masking = (page) => hasPicture(page) && page.canvas.mode === "mask";
/** @type {(page: Page, version: VersionRow) => boolean} */
const notTheHead = ({ store }, version) => version.id !== store.project?.head;
/** What is clicked says what it costs. @param {string} label @param {number | null | undefined} usd */
const withPrice = (label, usd) => (usd ? `${label} · ${price(usd)}` : label);
/** What the backend that made a version takes for the same now; what it took, where that is not known. @param {Page} page @param {VersionRow} version */
function priceAgain({ store }, { outcome, request }) {
  const tier = store.tiers.find((offer) => offer.tier === request?.tier);
  const backends = [tier, ...(tier?.others ?? [])].flatMap((offer) => offer?.backends ?? []);
  const made = outcome?.price_usd;
  return made ?? backends.find(({ id }) => id === outcome?.backend)?.price_usd;
}
/** What an undo or redo is about. @param {string} verb @param {VersionRow | null} version */
const withWhat = (verb, version) => (version ? `${verb} “${cut(askedFor(version))}”` : verb);
/** @param {VersionRow} version */
const seedOf = (version) => version.outcome?.seed ?? null;

/** Whether the same request to the same backend makes the same picture each time. @param {Page} page @param {VersionRow} version */
function isExact({ store }, { outcome }) {
  const backends = store.tiers.flatMap((tier) => tier.backends);
  return backends.find(({ id }) => id === outcome?.backend)?.full_resolution ?? false;
}

/** @param {Panels} panels @param {PanelName} name @param {string} called */
const showOrHide = (panels, name, called) => `${panels.isOpen(name) ? "Hide" : "Show"} the ${called}`;

const ZOOM_STEP = 1.25;
const BRUSH_STEP = 1.2;
const MOST_COMPARED = 4;

/** @type {Command<void>[]} */
export const PAGE = [
  { id: "projects", label: "Projects", icon: "menu", places: ["bar"], run: (page) => page.dialogs.projects() },
  { id: "new-project", label: "New project", icon: "plus", run: newProject },
  {
    id: "palette",
    label: "Commands, versions and projects",
    icon: "search",
    keys: ["Mod+K"],
    whileTyping: true,
    places: ["bar"],
    run: (page) => page.dialogs.palette(),
  },
  {
    id: "help",
    label: "Help and keys",
    icon: "help",
    keys: ["?"],
    places: ["bar"],
    run: (page) => page.dialogs.help(),
  },
  { id: "theme", label: "Light or dark", icon: "theme", places: ["bar"], run: (page) => page.switchTheme() },
  {
    id: "queue",
    label: "Queue: what runs and waits",
    icon: "menu",
    keys: ["Q"],
    run: (page) => page.dialogs.queue(),
  },
  { id: "spending", label: "What was spent", icon: "coin", run: (page) => page.dialogs.spending() },
  { id: "settings", label: "Settings", icon: "gear", places: ["bar"], run: (page) => page.dialogs.settings() },
  {
    id: "chat-panel",
    label: (_, { panels }) => showOrHide(panels, "chat", "conversation"),
    help: "Show or hide the conversation",
    icon: "panel-left",
    keys: ["T"],
    places: ["bar"],
    when: ({ panels }) => panels.several,
    run: (page) => page.panels.toggle("chat"),
  },
  {
    id: "history-panel",
    label: (_, { panels }) => showOrHide(panels, "history", "history"),
    help: "Show or hide the history",
    icon: "panel-right",
    keys: ["H"],
    places: ["bar"],
    when: ({ panels }) => panels.several,
    run: (page) => page.panels.toggle("history"),
  },
  {
    id: "alone",
    label: (_, { panels }) => (panels.alone ? "Leave the full screen" : "Full screen"),
    help: "The picture alone, in full screen",
    icon: "expand",
    keys: ["F"],
    places: ["view tools"],
    when: (page) => hasPicture(page) || page.panels.alone,
    run: (page) => page.panels.toggleAlone(),
  },
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
    label: (_, { store }) => withWhat("Undo", store.head()?.parent ? store.head() : null),
    help: "Undo",
    icon: "undo",
    word: "Undo",
    keys: ["Mod+Z"],
    places: ["tools"],
    when: ({ store }) => Boolean(store.head()?.parent),
    run: (page) => page.call("undo"),
  },
  {
    id: "redo",
    label: (_, { store }) => withWhat("Redo", store.version(store.project?.redo)),
    help: "Redo",
    icon: "redo",
    word: "Redo",
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
    word: "Compare",
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
    word: "Mask",
    keys: ["M"],
    places: ["tools"],
    when: hasPicture,
    run: (page) => page.canvas.toggleMask(),
  },
  {
    id: "changed",
    label: "Show what changed",
    icon: "changed",
    word: "Changes",
    places: ["tools"],
    when: hasPicture,
    run: (page) => page.canvas.toggleChanged(),
  },
  {
    id: "gallery",
    label: "Gallery of all versions",
    icon: "grid",
    keys: ["G"],
    places: ["history"],
    when: hasPicture,
    run: (page) => page.dialogs.gallery(),
  },
  {
    id: "to-current",
    label: "To the current version",
    keys: ["."],
    when: hasPicture,
    run: (page) => page.history.toCurrent(),
  },
  {
    id: "version-menu",
    label: "Menu of the current version",
    keys: ["ContextMenu"],
    when: hasPicture,
    run: (page) => page.history.menu(),
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
    word: "Download",
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
    id: "leave-alone",
    label: "Leave the full screen",
    keys: ["Escape"],
    when: ({ panels }) => panels.alone,
    run: (page) => page.panels.leaveAlone(),
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
    label: (version, page) =>
      withPrice(seedOf(version) === null ? "Try again" : "Try again with a new seed", priceAgain(page, version)),
    icon: "retry",
    word: (version, page) => {
      const usd = priceAgain(page, version);
      return usd ? price(usd) : "";
    },
    places: ["turn"],
    when: (page, version) => seedOf(version) !== null || !isExact(page, version),
    run: (page, version) => {
      const draft = toDraft(version);
      return send(page, seedOf(version) === null ? draft : withSeed(draft, null));
    },
  },
  {
    id: "same-seed",
    label: (version, page) => withPrice("Try again with the same seed", priceAgain(page, version)),
    places: ["menu"],
    when: (_, version) => seedOf(version) !== null,
    run: (page, version) => send(page, withSeed(toDraft(version), seedOf(version))),
  },
  {
    id: "several",
    label: "The same to several models…",
    places: ["menu"],
    when: (_, version) => version.request !== null,
    run: (page, version) => page.dialogs.several(toDraft(version)),
  },
  {
    id: "resend",
    label: "Edit the instruction and send it again",
    icon: "edit",
    places: ["turn"],
    run: (page, version) => page.composer.take(toDraft(version)),
  },
  {
    id: "whole-answer",
    label: "Use the whole answer",
    icon: "expand",
    word: () => "Use the whole answer",
    places: ["turn"],
    when: (_, version) => Boolean(version.outcome?.adjustable) && version.outcome?.changed === 0,
    run: (page, version) => page.call("change_mask", { version: version.id, how: "whole" }),
  },
  {
    id: "go-on",
    label: "Continue from here",
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
    run: (page, version) => page.dialogs.compare([version.id, page.store.project?.head ?? version.id]),
  },
  {
    id: "compare-before",
    label: "Compare with the version before it",
    places: ["menu"],
    when: ({ store }, version) => store.version(version.parent) !== null,
    run: (page, version) => page.dialogs.compare([version.parent ?? version.id, version.id]),
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
  {
    id: "download-version",
    label: "Download…",
    places: ["menu"],
    run: (page, version) => page.dialogs.download(version),
  },
  { id: "prune", label: "Hide this branch", places: ["menu"], run: (page, version) => hide(page, [version.id]) },
];

/** In the gallery: on the marked versions, or on the active one while none is marked. @type {Command<Gallery>[]} */
export const GALLERY = [
  { id: "choose", label: "Continue from here", keys: ["Enter"], run: (_, gallery) => gallery.choose() },
  { id: "mark", label: "Mark a version", keys: [" "], run: (_, gallery) => gallery.mark() },
  { id: "mark-all", label: "Mark all that are shown", keys: ["Mod+A"], run: (_, gallery) => gallery.markAll() },
  {
    id: "compare-marked",
    label: "Compare",
    keys: ["C"],
    icon: "compare",
    looks: "chip",
    places: ["marked"],
    when: (page, gallery) => comparable(page, gallery).length > 1,
    run: (page, gallery) => page.dialogs.compare(comparable(page, gallery)),
  },
  {
    id: "download-marked",
    label: "Download",
    keys: ["D"],
    icon: "download",
    looks: "chip",
    places: ["marked"],
    when: (_, gallery) => subjects(gallery).length > 0,
    run: (page, gallery) => page.dialogs.downloadMany(subjects(gallery)),
  },
  {
    id: "star-marked",
    label: (gallery) => (subjects(gallery).every(({ starred }) => starred) ? "Remove the star" : "Star"),
    keys: ["S"],
    help: "Star",
    icon: "star",
    looks: "chip",
    places: ["marked"],
    when: (_, gallery) => subjects(gallery).length > 0,
    run: starAll,
  },
  {
    id: "hide-marked",
    label: "Hide",
    help: "Hide with all that grew from it",
    keys: ["Delete"],
    icon: "close",
    looks: "chip",
    places: ["marked"],
    when: (_, gallery) => subjects(gallery).length > 0,
    run: (page, gallery) => {
      const ids = subjects(gallery).map(({ id }) => id);
      gallery.unmark();
      return hide(page, ids);
    },
  },
  { id: "find-marked", label: "Search", keys: ["/"], run: (_, gallery) => gallery.search() },
  { id: "gallery-current", label: "To the current version", keys: ["."], run: (_, gallery) => gallery.toCurrent() },
  { id: "leave-gallery", label: "Close", keys: ["G"], run: (_, gallery) => gallery.close() },
];

/** What a version's menu offers: the other models first, which are as many as are ready. @param {VersionRow} version @param {Page} page */
export function menuOf(version, page) {
  const ready = version.request
    ? page.store.tiers.filter(({ tier, chosen }) => chosen && tier !== version.request?.tier)
    : [];
  /** @type {Command<VersionRow>[]} */
  const tiers = ready.map(({ tier, label, chosen, backends }) => ({
    id: `send-to-${tier}`,
    label: withPrice(`Send to ${label}`, backends.find(({ id }) => id === chosen)?.price_usd),
    run: () => sendToTier(page, version, tier),
  }));
  const own = VERSION.filter(({ places, when }) => places?.includes("menu") && (when?.(page, version) ?? true));
  return [...tiers, ...own];
}

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

/** @param {Page} page */
export async function newProject(page) {
  const { result } = await page.call("create_project");
  if (result) await page.open(result.id);
}

/** Stop an edit; its words go back into the box unless something else is being written. @param {Page} page @param {Job | null} job */
export async function stop(page, job) {
  if (!job) return;
  const { error } = await page.call("cancel", { job: job.id });
  if (!error && !page.store.draft.instruction.trim()) page.composer.take(toDraft(job));
}

/** @param {Page} page @param {EditDraft} draft */
export async function send(page, draft) {
  const { error } = await sending.send(page, [draft], DOUBLE_CLICK_MS);
  if (error) page.toast(sentence(error));
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

/** @param {Gallery} gallery */
function subjects({ marked, active }) {
  return marked.length ? marked : active ? [active] : [];
}

/** What would be compared: up to four that are marked, or the active one with the current. @param {Page} page @param {Gallery} gallery */
function comparable({ store }, { marked, active }) {
  const ids = marked.length > 1 ? marked.slice(0, MOST_COMPARED) : [marked[0] ?? active, store.head()];
  return [...new Set(ids.flatMap((version) => (version ? [version.id] : [])))];
}

/** @param {Page} page @param {Gallery} gallery */
async function starAll(page, gallery) {
  const versions = subjects(gallery);
  const starred = !versions.every((version) => version.starred);
  for (const version of versions) await page.call("star", { version: version.id, starred });
}

/**
 * Hide branches; taking that back restores the current version too, unless somebody has moved on since.
 * @param {Page} page
 * @param {string[]} versions the first of each branch
 */
export async function hide(page, versions) {
  const { store, call, toast } = page;
  const stood = store.project?.head ?? null;
  /** @type {string[]} */
  const hidden = [];
  /** @type {string[]} */
  const done = [];
  for (const version of versions) {
    if (hidden.includes(version)) continue; // it went with one above it
    const answer = await call("prune", { version });
    if (answer.error) break;
    done.push(version);
    hidden.push(...answer.result);
  }
  if (!done.length) return;
  const moved = stood !== null && hidden.includes(stood);
  const run = async () => {
    const left = moved ? store.project?.head : null;
    for (const version of done.reverse()) await call("restore_version", { version });
    if (moved && store.project?.head === left) await call("select", { version: stood });
  };
  toast(hidden.length === 1 ? "One version hidden." : `${hidden.length} versions hidden.`, { label: "Undo", run });
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
