// What is about to be sent. One shape for all of it: the composer's draft, what a turn asked for, and what goes to the
// server are the same value, so that "try again" and "edit and send again" repeat whatever an edit can hold.

/** @import { EditDraft, JobRow, VersionRow } from "./types.d.ts" */

/** @typedef {Pick<VersionRow | JobRow, "request" | "parent">} Turn A version or a job: both know their request. */

/**
 * Every field of a draft, as it is when nothing was chosen.
 * @returns {EditDraft}
 */
export function emptyDraft() {
  return {
    instruction: "",
    prompt: "",
    references: [],
    mask: null,
    region: null,
    lock: "auto",
    feather_px: null,
    native_mask: false,
    side_by_side: false,
    preserve: false,
    keep_character: null,
    model: "",
    parameters: {},
    tier: "local",
    backend: null,
    parent: null,
    from_text: false,
    after: null,
  };
}

/**
 * The draft that asks for what a turn asked for, of the same picture.
 * @param {Turn} turn
 * @returns {EditDraft}
 */
export function toDraft({ request, parent }) {
  const asked = Object.entries(request ?? {}).filter(([name]) => name in emptyDraft());
  return { ...emptyDraft(), ...Object.fromEntries(asked), parent, from_text: Boolean(request && !request.input_image) };
}

/**
 * The same with another seed; `null` lets the model pick one.
 * @param {EditDraft} draft
 * @param {number | null} seed
 * @returns {EditDraft}
 */
export function withSeed(draft, seed) {
  return { ...draft, parameters: { ...draft.parameters, seed } };
}

/**
 * The same for another tier: its usual model, whoever serves it, with the settings that are usual there.
 * @param {EditDraft} draft
 * @param {string} tier
 * @returns {EditDraft}
 */
export function inTier(draft, tier) {
  return { ...draft, tier: /** @type {EditDraft["tier"]} */ (tier), backend: null, model: "", parameters: {} };
}

/**
 * The same with other words. Wording of one's own belongs to the instruction that it was written for.
 * @param {EditDraft} draft
 * @param {string} instruction
 * @returns {EditDraft}
 */
export function withInstruction(draft, instruction) {
  return { ...draft, instruction, prompt: instruction === draft.instruction ? draft.prompt : "" };
}

/** What belongs to one message; all else stays chosen for the next. */
const MESSAGE = /** @type {const} */ ([
  "instruction",
  "prompt",
  "references",
  "mask",
  "region",
  "parent",
  "from_text",
  "after",
]);

/**
 * What stays in the composer once a draft is on its way.
 * @param {EditDraft} draft
 * @returns {EditDraft}
 */
export function afterSending(draft) {
  return { ...draft, ...messageOf(emptyDraft()) };
}

/**
 * A draft that was refused comes back, before what was typed meanwhile.
 * @param {EditDraft} now
 * @param {EditDraft} refused
 * @returns {EditDraft}
 */
export function takeBack(now, refused) {
  const instruction = [refused.instruction, now.instruction].filter(Boolean).join("\n");
  return { ...now, ...messageOf(refused), instruction };
}

/** @param {EditDraft} draft */
function messageOf(draft) {
  return /** @type {Pick<EditDraft, typeof MESSAGE[number]>} */ (
    Object.fromEntries(MESSAGE.map((name) => [name, draft[name]]))
  );
}
