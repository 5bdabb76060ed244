// The page's one state, what changes it, and who is told. Every panel draws from here.
import { toast } from "./toast.js";

/** Everything of ours lives below this address, whatever the page is mounted under. */
const API = new URL("../../../", import.meta.url);

class Store {
  constructor() {
    this.project = null;
    this.versions = new Map();
    this.jobs = new Map();
    this.tiers = [];
    this.preferences = {};
    this.examples = [];
    this.budgets = [];
    this.look = null;
    this.revision = 0;
    this.ready = false;
    this.online = true;
    this.draft = { text: "", references: [], mask: null, parameters: {}, tier: null, backend: null, lock: "auto", region: null, parent: null, preserve: false };
    this.listeners = new Set();
    this.pending = new Set();
    this.scheduled = false;
  }

  /** Call `listener` now and after every change to one of `keys` (all when left out); at most once a frame. */
  subscribe(listener, keys = null) {
    this.listeners.add({ listener, keys: keys && new Set(keys) });
    if (this.ready) listener();
  }

  changed(...keys) {
    keys.forEach((key) => this.pending.add(key));
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      const changed = new Set(this.pending);
      this.pending.clear();
      for (const { listener, keys: wanted } of this.listeners) {
        if (!wanted || [...wanted].some((key) => changed.has(key))) listener(changed);
      }
    });
  }

  /** Merge a partial snapshot: rows by id, everything else as it comes. */
  applyPatch(patch) {
    if (!patch) return;
    if (patch.project && this.project && patch.project.id !== this.project.id) return;
    if (patch.project) {
      this.project = { ...(this.project || {}), ...patch.project };
      this.changed("project");
    }
    if (patch.versions?.length) {
      for (const row of patch.versions) this.versions.set(row.id, flat(row));
      this.changed("versions");
    }
    if (patch.removed_versions?.length) {
      for (const id of patch.removed_versions) this.versions.delete(id);
      this.changed("versions");
    }
    if (patch.jobs?.length) {
      for (const row of patch.jobs) this.mergeJob(row);
      this.changed("jobs");
    }
    for (const key of ["tiers", "preferences", "examples", "budgets"]) {
      if (patch[key]) {
        this[key] = patch[key];
        this.changed(key);
      }
    }
    if (patch.revision) this.revision = Math.max(this.revision, patch.revision);
  }

  mergeJob(row) {
    const known = this.jobs.get(row.id);
    row = flat(row);
    if (row.dismissed || (row.state === "done" && row.version)) this.jobs.delete(row.id);
    else if (known || row.instruction !== undefined) this.jobs.set(row.id, { ...known, ...row });
  }

  head() {
    return this.project?.head ? this.versions.get(this.project.head) || null : null;
  }

  /** Versions from the root to `id`. */
  path(id = this.project?.head) {
    const path = [];
    for (let version = this.versions.get(id); version; version = this.versions.get(version.parent)) path.push(version);
    return path.reverse();
  }

  children(id) {
    return [...this.versions.values()].filter((version) => version.parent === id);
  }

  openJobs() {
    return [...this.jobs.values()].filter((job) => ["queued", "submitted", "running"].includes(job.state));
  }

  imageUrl(digest, kind = "preview") {
    return new URL(`images/${this.project.id}/${digest}/${kind}`, API).href;
  }

  url(path) {
    return new URL(path, API).href;
  }

  tier(name = this.draft.tier) {
    return this.tiers.find((offer) => offer.tier === name) || null;
  }

  /** The backend a request would go to now: the pinned one, else the router's choice. */
  backend() {
    const tier = this.tier();
    const wanted = this.draft.backend || tier?.chosen;
    return tier?.backends.find((backend) => backend.id === wanted) || tier?.backends[0] || null;
  }

  setDraft(fields) {
    Object.assign(this.draft, fields);
    this.changed("draft");
  }

  setDraftMask(digest, meta = null) {
    this.setDraft({ mask: digest ? { digest, ...meta } : null });
  }

  toast(message, action = null) {
    toast(message, action);
  }
}

/** A row with its request's and outcome's fields beside its own. */
function flat(row) {
  return { ...row.request, ...row.outcome, ...row };
}

export const store = new Store();

/** Ask the server to do something. Resolves to its result; shows errors unless `quiet`. */
export async function call(action, body = {}, { quiet = false } = {}) {
  let answer;
  try {
    const response = await fetch(new URL(`do/${action}`, API), {
      method: "POST",
      headers: { "content-type": "application/json" },
      credentials: "same-origin",
      body: JSON.stringify({ project: store.project?.id, ...body }),
    });
    answer = await response.json();
  } catch {
    answer = { error: { kind: "Offline", message: "The program cannot be reached just now.", hint: "Nothing was sent. Try again in a moment." } };
  }
  if (answer.patch) store.applyPatch(answer.patch);
  if (answer.error && !quiet) toast([answer.error.message, answer.error.hint].filter(Boolean).join(" "));
  return answer;
}

/** What the composer should begin with next time. */
export function rememberComposer() {
  const { tier, backend, preserve } = store.draft;
  return call("set_preference", { key: "composer", value: { tier, backend, preserve } }, { quiet: true });
}

export async function upload(file, kind, extra = {}) {
  const query = new URLSearchParams({ project: store.project.id, kind, name: file.name || "", ...extra });
  let answer;
  try {
    const response = await fetch(new URL(`upload?${query}`, API), { method: "POST", credentials: "same-origin", body: file });
    answer = await response.json();
  } catch {
    answer = { error: { message: "The picture did not arrive.", hint: "Check the connection and drop it again." } };
  }
  if (answer.patch) store.applyPatch(answer.patch);
  if (answer.error) toast([answer.error.message, answer.error.hint].filter(Boolean).join(" "), null, "error");
  return answer;
}

let events = null;

/** Load a project (the last one without an id) and follow it from then on. */
export async function open(projectId = null, prefetched = null) {
  const query = projectId ? `?project=${encodeURIComponent(projectId)}` : "";
  let snapshot;
  try {
    const response = await (prefetched || fetch(new URL(`state${query}`, API), { credentials: "same-origin" }));
    snapshot = await response.json();
    if (snapshot.error) throw new Error(snapshot.error.message);
  } catch {
    if (projectId) return open(null);
    setOnline(false);
    setTimeout(() => open(projectId), 2000);
    return;
  }
  const other = store.project && store.project.id !== snapshot.project.id;
  store.project = null;
  store.versions = new Map();
  store.jobs = new Map();
  store.revision = 0;
  store.applyPatch(snapshot);
  restoreDraft(snapshot, other || !store.ready);
  store.ready = true;
  setOnline(true);
  history.replaceState(null, "", `#${store.project.id}`);
  store.changed("project", "versions", "jobs", "tiers", "draft", "opened");
  follow();
}

function restoreDraft(snapshot, fresh) {
  if (!fresh) return;
  const chosen = snapshot.preferences.composer || {};
  const known = store.tiers.find((tier) => tier.tier === chosen.tier) || store.tiers.find((tier) => tier.chosen) || store.tiers[0];
  store.draft = { ...store.draft, text: snapshot.project.draft || "", references: [], mask: null, region: null, parent: null };
  store.draft.tier = known?.tier || "local";
  store.draft.backend = known?.backends.some((backend) => backend.id === chosen.backend) ? chosen.backend : null;
  store.draft.parameters = chosen.parameters || {};
  store.draft.preserve = Boolean(chosen.preserve);
}

function follow() {
  events?.close();
  const source = new EventSource(new URL(`events?project=${store.project.id}`, API));
  events = source;
  source.addEventListener("hello", (event) => {
    setOnline(true);
    // A revision we have not seen means that something happened while nobody was listening.
    if (JSON.parse(event.data).revision !== store.revision) open(store.project.id);
  });
  source.addEventListener("patch", (event) => store.applyPatch(JSON.parse(event.data)));
  source.addEventListener("stale", () => open(store.project.id));
  source.onerror = () => setOnline(false);
}

function setOnline(online) {
  if (store.online === online) return;
  store.online = online;
  store.changed("online");
}

// Browsers open six connections to a host for all tabs together: a tab that nobody sees gives its one back.
const HIDDEN_MS = 15_000;
let hiding = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) hiding = setTimeout(() => { events?.close(); events = null; }, HIDDEN_MS);
  else if (!events && store.project) follow();
});

addEventListener("online", () => store.project && open(store.project.id));
