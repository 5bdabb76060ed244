// The same edit by several models at once: each with its own price, the sum before anything is sent, all or none.
import { dialogOf } from "../../core/dialog.js";
import { button, checkbox, fill, h } from "../../core/dom.js";
import { price, sentence } from "../../core/format.js";
import { DOUBLE_CLICK_MS, sending } from "../../core/sending.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { Store } from "../../core/store.js" */
/** @import { EditDraft, ReceiptRow } from "../../core/types.d.ts" */
/** @typedef {{tier: EditDraft["tier"], model: string, label: string}} Choice */

/** As many as the server takes in one message. */
const MOST = 8;

/** Every model that is ready, tier by tier. @param {Pick<Store, "tiers">} store @returns {Choice[]} */
export function readyModels({ tiers }) {
  return tiers.flatMap(({ tier, label, chosen, others }) => [
    ...(chosen ? [{ tier: /** @type {EditDraft["tier"]} */ (tier), model: "", label }] : []),
    ...others.flatMap((other) =>
      other.chosen ? [{ tier: /** @type {EditDraft["tier"]} */ (tier), model: other.model, label: other.label }] : [],
    ),
  ]);
}

/** Settings are those of the model that they were made for. @param {EditDraft} draft @param {Choice} choice @returns {EditDraft} */
export function draftFor(draft, { tier, model }) {
  if (isSame(draft, { tier, model })) return draft;
  return { ...draft, tier, model, backend: null, parameters: {} };
}

/** @param {EditDraft} draft @param {Pick<Choice, "tier" | "model">} choice */
const isSame = (draft, { tier, model }) => draft.tier === tier && draft.model === model;

/** What several edits cost, where it is known of each. @param {(number | null | undefined)[]} prices */
export function total(prices) {
  const sum = prices.reduce((/** @type {number} */ all, usd) => all + (usd ?? 0), 0);
  const open = prices.some((usd) => usd === null || usd === undefined);
  return [sum ? price(sum) : open ? "" : "free", open && "what is known afterwards"].filter(Boolean).join(" and ");
}

class Several {
  say = h("p", { class: "kx-error", role: "alert" });
  sendButton = button("kx-button kx-primary", "Send", () => this.send(), { disabled: true });
  /** @type {Map<Choice, {box: HTMLInputElement, about: HTMLElement, receipt: ReceiptRow | null}>} */
  rows = new Map();

  /** @param {Page} page @param {EditDraft} draft @param {() => unknown} sent */
  constructor(page, draft, sent) {
    this.page = page;
    this.draft = draft;
    this.sent = sent;
    const rows = readyModels(page.store).map((choice) => this.row(choice));
    const words = h("p", { class: "kx-clamp" }, `“${draft.instruction}”`);
    const body = [words, h("div", { class: "kx-several" }, rows), this.say, this.sendButton];
    this.dialog = dialogOf("The same to several models", body);
    this.draw();
  }

  /** @param {Choice} choice */
  row(choice) {
    const about = h("span", { class: "kx-muted" }, "…");
    const box = checkbox(isSame(this.draft, choice), () => this.draw(), { disabled: true });
    this.rows.set(choice, { box, about, receipt: null });
    this.check(choice);
    return h("label", { class: "kx-check" }, box, h("span", { class: "kx-grow" }, choice.label), about);
  }

  /** @param {Choice} choice */
  async check(choice) {
    const row = this.rows.get(choice);
    const { result, error } = await this.page.call("check", { draft: draftFor(this.draft, choice) }, { quiet: true });
    if (!row) return;
    row.receipt = result ?? null;
    row.box.disabled = !result;
    if (!result) row.box.checked = false;
    row.about.textContent = result ? price(result.price_usd) : (error?.message ?? "");
    this.draw();
  }

  chosen() {
    return [...this.rows].filter(([, { box, receipt }]) => box.checked && receipt);
  }

  draw() {
    const chosen = this.chosen();
    const sum = total(chosen.map(([, { receipt }]) => receipt?.price_usd));
    this.sendButton.disabled = !chosen.length || chosen.length > MOST;
    fill(this.sendButton, chosen.length ? `Send ${chosen.length} · ${sum}` : "Choose at least one");
    if (chosen.length > MOST) fill(this.sendButton, `At most ${MOST} at once`);
  }

  async send() {
    this.sendButton.disabled = true;
    const drafts = this.chosen().map(([choice]) => draftFor(this.draft, choice));
    const { error } = await sending.send(this.page, drafts, DOUBLE_CLICK_MS);
    if (!error) {
      this.dialog.close();
      return this.sent();
    }
    this.say.textContent = sentence(error);
    return this.draw();
  }
}

/**
 * @param {Page} page
 * @param {EditDraft} draft what is asked of each
 * @param {() => unknown} sent once they are on their way
 */
export function openSeveral(page, draft, sent = () => null) {
  return new Several(page, draft, sent);
}
