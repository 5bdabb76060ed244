// What sending would do and cost, or why it cannot be done.
import { button, debounce, fill, h } from "../../core/dom.js";
import { price, seconds } from "../../core/format.js";
import { icon } from "../../core/icons.js";
import { spoken } from "../../core/spoken.js";

/** @import { Answer } from "../../core/api.js" */
/** @import { Page } from "../../core/page.d.ts" */
/** @import { Store } from "../../core/store.js" */
/** @import { ReceiptRow } from "../../core/types.d.ts" */

const PAUSE_MS = 300;

/** The backend whose key would make the chosen tier ready, when it is not. @param {Store} store */
export function keyless(store) {
  const backend = store.backend();
  return backend && !backend.ready && backend.takes_key ? backend : null;
}

export class Receipt {
  element = h("div", { id: "kx-receipt", class: "kx-receipt", "aria-live": "polite" });

  /** The draft that the server would not take, as text: until something changes, what it said stays. */
  refused = "";
  /** @type {unknown[]} What it was refused under. */
  circumstances = [];

  /**
   * @param {Page} page
   * @param {(usd: number | null) => void} [priced] told what an edit costs
   * @param {(refused: boolean) => void} [judged] told whether it would be refused as it stands
   */
  constructor(page, priced = () => {}, judged = () => {}) {
    this.page = page;
    this.priced = priced;
    this.judged = judged;
    this.check = debounce(() => this.checkNow(), PAUSE_MS);
  }

  async checkNow() {
    const { store } = this.page;
    const asked = store.draft;
    if (!store.ready || !asked.instruction.trim()) {
      this.priced(store.backend()?.price_usd ?? null);
      this.judged(false);
      return fill(this.element, this.hint());
    }
    if (JSON.stringify(asked) === this.refused) return null;
    const answer = await this.page.call("check", { draft: asked }, { quiet: true });
    if (store.draft.instruction !== asked.instruction) return null;
    if (answer.error) return this.showError(answer.error);
    return this.show(answer.result, asked.instruction);
  }

  /** @param {ReceiptRow} receipt @param {string} instruction */
  show(receipt, instruction) {
    this.priced(receipt.price_usd);
    this.judged(false);
    const takes = receipt.typical_s ? `about ${seconds(receipt.typical_s)}` : "";
    const facts = [receipt.backend_label, price(receipt.price_usd), receipt.price_note, takes, receipt.geometry];
    fill(
      this.element,
      h("span", {}, facts.filter(Boolean).join(" · ")),
      receipt.remarks.length > 0 && h("span", { class: "kx-remarks" }, receipt.remarks.join(" ")),
      receipt.prompt !== instruction.trim() && h("span", { class: "kx-sent" }, `Sent as: ${receipt.prompt}`),
      receipt.warnings.map((warning) => h("span", { class: "kx-warning" }, icon("warning"), warning)),
    );
  }

  /** Something changed that may have been in the way, a budget for instance. */
  forget() {
    const { project, tiers } = this.page.store;
    if (!this.refused || (this.circumstances[0] === project && this.circumstances[1] === tiers)) return;
    this.refused = "";
    this.check();
  }

  /** What `submit` said of the draft that is in the box again. @param {NonNullable<Answer["error"]>} error */
  refuse(error) {
    const { draft, project, tiers } = this.page.store;
    this.refused = JSON.stringify(draft);
    this.circumstances = [project, tiers];
    this.showError(error);
  }

  /** @param {NonNullable<Answer["error"]>} error */
  showError(error) {
    const way = error.kind === "MissingCredentials" ? this.pasteKey() : null; // the place for keys says where to get one
    const raise = () => this.page.dialogs.settings();
    this.judged(true);
    fill(
      this.element,
      h("span", { class: "kx-error", role: "alert" }, [error.message, !way && error.hint].filter(Boolean).join(" ")),
      way,
      error.kind === "BudgetExceeded" && button("kx-link", "Raise the budget", raise),
    );
  }

  pasteKey() {
    const backend = keyless(this.page.store);
    return backend && button("kx-link kx-paste-key", "Paste a key", () => this.page.dialogs.settings(backend.id));
  }

  hint() {
    const backend = this.page.store.backend();
    if (!backend) return null;
    const note = backend.ready ? (backend.notes[0] ?? "") : `${backend.reason} ${backend.hint}`.trim();
    return [h("span", { class: "kx-muted" }, spoken(note)), this.pasteKey()];
  }
}
