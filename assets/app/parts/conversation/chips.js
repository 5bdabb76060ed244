// Other ways of saying it, one click each.
import { send } from "../../core/commands.js";
import { button, h } from "../../core/dom.js";
import { emptyDraft, withInstruction } from "../../core/draft.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { EditDraft } from "../../core/types.d.ts" */

const GAP = "…";

/**
 * One with a gap goes to the composer, where the gap is filled in.
 * @param {string[]} texts
 * @param {EditDraft | null} draft what is said in another way; `null` is a new edit with what the composer has chosen
 * @param {Page} page
 */
export function chips(texts, draft, page) {
  if (!texts.length) return null;
  /** @param {string} text */
  const use = (text) => {
    if (!text.includes(GAP)) return send(page, withInstruction(draft ?? chosen(page.store.draft), text));
    if (draft) page.composer.take(withInstruction(draft, page.store.draft.instruction));
    return page.composer.write(text);
  };
  return h(
    "div",
    { class: "kx-chips" },
    texts.map((text) => button("kx-chip", text, () => use(text))),
  );
}

/** A draft without what was prepared for another message. @param {EditDraft} draft */
function chosen({ tier, backend, model, parameters, preserve }) {
  return { ...emptyDraft(), tier, backend, model, parameters, preserve };
}
