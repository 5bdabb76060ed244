// A page whose parts note what is asked of them.
import { emptyDraft } from "../../assets/app/core/draft.js";
import { Store } from "../../assets/app/core/store.js";

/** Every field of a request differs from the usual, so that one that is left out is missed. */
export const REQUEST = {
  instruction: "make the door red",
  prompt: "Change the door to red",
  references: [{ image: "reference" }],
  mask: "mask",
  region: { x: 1, y: 2, width: 30, height: 40 },
  lock: "always",
  feather_px: 12,
  native_mask: true,
  side_by_side: true,
  preserve: true,
  keep_character: false,
  model: "flux2-pro",
  parameters: { seed: 7, num_inference_steps: 20 },
  tier: "pro",
  backend: "bfl",
  input_image: "picture",
  sent_prompt: "Change the door to red",
};

const OUTCOME = { seed: 7, price_usd: 0.04, adjustable: true, change_mask: null };

export function version(fields = {}) {
  const usual = { id: "new", parent: "old", digest: "pixels", starred: false, instruction: "make the door red" };
  return { ...usual, created_at: "2", request: REQUEST, outcome: OUTCOME, ...fields };
}

export function job(fields = {}) {
  const usual = { id: "job", parent: "old", state: "failed", instruction: "make the door red", created_at: "3" };
  return {
    ...usual,
    request: REQUEST,
    can_check: true,
    failure: { kind: "OutOfCredit", capable_tier: null },
    ...fields,
  };
}

export const root = () => version({ id: "old", parent: null, created_at: "1", request: null, outcome: null });

export const TIERS = [
  { tier: "pro", label: "Pro", chosen: "bfl", backends: [{ id: "bfl" }, { id: "fal" }], others: [] },
  { tier: "local", label: "Local", chosen: "builtin", backends: [{ id: "builtin" }], others: [] },
];

const PANELS = { alone: false, several: true, isOpen: () => true };

/** A page with one picture and one edit of it; `asked` lists what was done, `mode` is the canvas's. */
export function makePage({ mode = "view", rows = [root(), version()], jobs = [] } = {}) {
  const asked = [];
  const note = (part) =>
    new Proxy({ mode }, { get: (own, name) => own[name] ?? ((...args) => asked.push([part, name, ...args])) });
  const store = new Store((run) => run());
  store.applyPatch({
    project: { id: "project", head: rows.at(-1)?.id ?? null, redo: "later" },
    versions: rows,
    jobs,
    tiers: TIERS,
  });
  store.draft = { ...emptyDraft(), tier: "local", backend: "builtin" };
  const page = {
    store,
    asked,
    canvas: note("canvas"),
    composer: note("composer"),
    dialogs: note("dialogs"),
    history: note("history"),
    panels: { ...PANELS, toggle: (name) => asked.push(["panels", "toggle", name]) },
    toast: (...args) => asked.push(["toast", ...args]),
    open: (...args) => asked.push(["open", ...args]),
    switchTheme: () => asked.push(["theme"]),
    call: async (...args) => {
      asked.push(["call", ...args]);
      return { result: ["one"] };
    },
  };
  return page;
}
