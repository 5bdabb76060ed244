// One gentle sentence on the instruction that is being written. It never holds anything up.
import { button, debounce, h, iconButton } from "../../core/dom.js";
import { icon } from "../../core/icons.js";
import { reconcile } from "../../core/reconcile.js";
import { rememberComposer } from "../../core/session.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { EditDraft, Hint } from "../../core/types.d.ts" */

const PAUSE_MS = 700;

export class Hints {
  line = h("div", { class: "kx-hint", id: "kx-hint", role: "status", hidden: true });
  /** @type {Set<string>} */
  dismissed = new Set();
  about = "";

  /** @param {Page} page @param {{write: (text: string) => void, focus: () => void}} prompt */
  constructor(page, prompt) {
    this.page = page;
    this.prompt = prompt;
    this.ask = debounce(() => this.askNow(), PAUSE_MS);
  }

  /** The text or what surrounds it has changed: an old hint would be about something else. */
  refresh() {
    const { instruction } = this.page.store.draft;
    if (instruction !== this.about) this.show(null);
    this.about = instruction;
    if (instruction.trim()) this.ask();
    else this.ask.cancel();
  }

  async askNow() {
    const { store } = this.page;
    const asked = store.draft;
    if (!store.ready || !asked.instruction.trim()) return;
    const answer = await this.page.call("hints", { draft: asked }, { quiet: true });
    if (store.draft.instruction !== asked.instruction) return;
    const hints = /** @type {Hint[]} */ (answer.result ?? []);
    this.show(hints.find((one) => !this.dismissed.has(one.id)) ?? null);
  }

  /** @param {Hint | null} hint */
  show(hint) {
    this.line.hidden = hint === null;
    if (hint) this.line.dataset.hint = hint.id;
    else delete this.line.dataset.hint;
    reconcile(this.line, hint ? [hint] : [], {
      key: ({ id }) => id,
      stamp: (shown) => JSON.stringify(shown),
      draw: (shown) => this.draw(shown),
    });
  }

  /** @param {Hint} hint */
  draw(hint) {
    const title = hint.replacement || null;
    return h(
      "div",
      { class: "kx-hint-row" },
      icon("idea"),
      h(
        "span",
        { class: "kx-grow" },
        hint.text,
        " ",
        hint.label && button("kx-link", hint.label, () => this.apply(hint), { title }),
      ),
      iconButton(icon("close"), "Do not show this hint again", () => this.dismiss(hint)),
    );
  }

  /** @param {Hint} hint */
  apply(hint) {
    this.show(null);
    if (hint.replacement) return this.prompt.write(hint.replacement);
    this.page.store.setDraft(hinted(this.page.store.draft, hint));
    if ("preserve" in hint.settings) rememberComposer();
    this.prompt.focus();
  }

  /** @param {Hint} hint */
  dismiss(hint) {
    this.dismissed.add(hint.id);
    this.show(null);
    this.ask();
    this.prompt.focus();
  }
}

/**
 * The fields that a hint changes. With another tier come its usual model, and no parameters but the hint's.
 * @param {EditDraft} draft
 * @param {Hint} hint
 * @returns {Partial<EditDraft>}
 */
export function hinted(draft, { settings }) {
  const { parameters, ...fields } = /** @type {Partial<EditDraft>} */ (settings);
  if (!parameters) return fields;
  if ("tier" in fields) return { ...fields, model: "", parameters };
  return { ...fields, parameters: { ...draft.parameters, ...parameters } };
}
