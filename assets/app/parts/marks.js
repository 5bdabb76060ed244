// Mask and rectangle belong to the version that they were drawn on: elsewhere they wait, and they are there on return.

/** @import { Page } from "../core/page.d.ts" */
/** @import { EditDraft } from "../core/types.d.ts" */

export class Marks {
  /** @type {Map<string, Pick<EditDraft, "mask" | "region">>} By version. */
  kept = new Map();
  /** @type {string | null} The current version when last looked. */
  at = null;

  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    page.store.subscribe(["project", "opened"], (changed) => {
      if (changed.has("opened")) this.begin();
      this.follow();
    });
  }

  begin() {
    this.kept.clear();
    this.at = this.page.store.project?.head ?? null;
  }

  follow() {
    const { store } = this.page;
    const head = store.project?.head ?? null;
    const { mask, region, parent } = store.draft;
    const left = this.at;
    this.at = head;
    if (head === left || parent !== null) return; // a draft that names its picture keeps its marks
    if (left && (mask || region)) this.kept.set(left, { mask, region });
    else if (left) this.kept.delete(left);
    const here = (head && this.kept.get(head)) || { mask: null, region: null };
    if (here.mask !== mask || here.region !== region) store.setDraft(here);
  }
}
