// The store kept in step with the server: what is asked, what is opened, what arrives.
import * as api from "./api.js";
import { Connection } from "./connection.js";
import { debounce } from "./dom.js";
import { emptyDraft } from "./draft.js";
import { sentence } from "./format.js";
import { takeUp } from "./left_behind.js";
import { clearRefusal, showRefusal } from "./refused.js";
import { store } from "./store.js";
import { toast } from "./toast.js";

/** @import { Answer } from "./api.js" */
/** @import { EditDraft, QueueRow, Snapshot } from "./types.d.ts" */

const RETRY_MS = 2000;
const SOON_MS = 150;
const REFUSED_MS = 30_000;

/**
 * Ask the server to do something with this project. Errors are shown unless `quiet`.
 * @param {string} action
 * @param {object} message
 * @param {{quiet?: boolean}} how
 * @returns {Promise<Answer>}
 */
export async function call(action, message = {}, { quiet = false } = {}) {
  const answer = await api.post(action, { project: store.project?.id, ...message });
  store.applyAnswer(answer.patch);
  if (answer.error && !quiet) toast(sentence(answer.error));
  return answer;
}

/**
 * @param {File} file
 * @param {"root" | "reference" | "mask"} kind
 * @param {Record<string, string>} more
 */
export async function upload(file, kind, more = {}) {
  const answer = await api.send(file, { project: store.project?.id ?? "", kind, ...more });
  store.applyAnswer(answer.patch);
  if (answer.error) toast(sentence(answer.error), null, "error");
  return answer;
}

/** Ask what runs in other projects, soon: the server says that something changed there, not what. */
export const lookElsewhere = debounce(async () => {
  const { result } = await api.post("queue", {});
  const rows = /** @type {QueueRow[]} */ (result ?? []);
  if (result) {
    const elsewhere = rows.filter(({ project }) => project !== store.project?.id);
    if (elsewhere.length || store.elsewhere.length) store.put("elsewhere", elsewhere);
  }
}, SOON_MS);

/** What the composer should begin with next time. */
export function rememberComposer() {
  const { tier, backend, model, preserve } = store.draft;
  return call("set_preference", { key: "composer", value: { tier, backend, model, preserve } }, { quiet: true });
}

/**
 * A picture of this project.
 * @param {string} digest
 * @param {"full" | "preview" | "thumb"} kind
 */
export function imageUrl(digest, kind = "preview") {
  return api.imageUrl(store.project?.id ?? "", digest, kind);
}

const connection = new Connection(
  (brief) =>
    api.events(
      store.project?.id ?? "",
      {
        revision: () => store.revision,
        hello(revision) {
          store.put("online", true);
          connection.heard();
          lookElsewhere();
          // A revision we have not seen means that something happened while nobody was listening.
          if (revision !== store.revision) reopen();
        },
        patch(patch) {
          connection.heard();
          store.applyPatch(patch);
          if (patch.elsewhere) lookElsewhere();
        },
        ping: () => connection.heard(),
        stale: reopen,
        lost(forGood) {
          store.put("online", false);
          connection.lost(forGood);
        },
      },
      brief,
    ),
  () => document.hidden,
);

function reopen() {
  if (store.project) open(store.project.id);
}

/**
 * Load a project (the last one without an id) and follow it from then on.
 * @param {string | null} project
 * @param {Promise<Response> | null} prefetched
 * @returns {Promise<void>}
 */
export async function open(project = null, prefetched = null) {
  let snapshot;
  try {
    snapshot = await api.snapshot(project, prefetched);
  } catch (error) {
    if (project) return open(null);
    store.put("online", false);
    const refused = error instanceof api.Refusal;
    if (refused) showRefusal(error.message);
    return new Promise((resolve) => setTimeout(() => resolve(open(project)), refused ? REFUSED_MS : RETRY_MS));
  }
  clearRefusal();
  begin(snapshot);
  connection.restart();
}

/** @param {Snapshot & {ahead_ms: number}} snapshot */
function begin(snapshot) {
  const other = store.project && store.project.id !== snapshot.project?.id;
  store.clear();
  store.applyPatch(snapshot);
  if (other || !store.ready) store.draft = startingDraft(snapshot);
  store.ahead_ms = snapshot.ahead_ms;
  store.ready = true;
  store.put("online", true);
  history.replaceState(null, "", `#${store.project?.id}`);
  store.changed("project", "versions", "jobs", "tiers", "draft", "opened");
}

/**
 * What was being typed, with what this visitor chose last.
 * @param {Snapshot} snapshot
 */
function startingDraft(snapshot) {
  const chosen = snapshot.preferences?.composer ?? {};
  const known =
    store.tiers.find((tier) => tier.tier === chosen.tier) ?? store.tiers.find((tier) => tier.chosen) ?? store.tiers[0];
  const other = known?.others.find(({ model }) => model === chosen.model);
  const pinned = (other ?? known)?.backends.some((backend) => backend.id === chosen.backend);
  return {
    ...emptyDraft(),
    instruction: takeUp(snapshot.project?.id) ?? snapshot.project?.draft ?? "",
    tier: /** @type {EditDraft["tier"]} */ (known?.tier ?? "local"),
    backend: pinned ? chosen.backend : null,
    model: other?.model ?? "",
    parameters: chosen.parameters ?? {},
    preserve: Boolean(chosen.preserve),
  };
}

/** Take up again what a hidden tab or a lost network let go of. */
export function keepFollowing() {
  document.addEventListener("visibilitychange", () => store.project && connection.visibility(document.hidden));
  addEventListener("online", reopen);
}
