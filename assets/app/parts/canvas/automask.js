// A mask by name: the main subject, the background, the sky, or anything that was seen or can be named.
import { button, h, iconButton, setState } from "../../core/dom.js";
import { capital, sentence } from "../../core/format.js";
import { icon } from "../../core/icons.js";
import { reconcile } from "../../core/reconcile.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { OverviewRow } from "../../core/types.d.ts" */

/** @param {string} name */
const bare = (name) => name.replace(/^the /, "");

/**
 * What can be masked with one click.
 * @param {OverviewRow | null} look
 * @param {string[]} others what could also have been meant
 */
function maskable(look, others) {
  const things = (look?.things ?? []).map((thing) => thing.said);
  const sky = look?.sky === false ? [] : ["the sky"];
  return [...new Set(["the main subject", "the background", ...sky, ...things, ...others].filter(Boolean))];
}

class AutoMask {
  choices = h("div", { class: "kx-chips", role: "group", "aria-label": "Things to mask" });
  said = h("span", { class: "kx-muted", role: "status" });
  name = h("input", {
    type: "text",
    maxlength: 80,
    placeholder: "or name it",
    "aria-label": "Name what to mask",
    autocomplete: "off",
    onkeydown: (event) => this.keyed(event),
  });
  row = h("div", { class: "kx-auto-mask", id: "kx-auto-mask", hidden: true }, this.choices, this.name, this.said);
  button = iconButton(
    [icon("find"), h("span", { class: "kx-word", "aria-hidden": "true" }, "By name")],
    "Find what to mask by name",
    () => this.toggle(),
    {
      id: "kx-find-mask",
      "aria-expanded": "false",
      "aria-controls": "kx-auto-mask",
    },
  );
  busy = false;
  /** @type {string | null} */
  chosen = null;
  /** @type {string[]} */
  others = [];

  /** @param {Page} page @param {(digest: string) => Promise<void>} paint */
  constructor(page, paint) {
    this.page = page;
    this.paint = paint;
    page.store.subscribe(["look"], () => {
      this.others = [];
      this.draw();
    });
  }

  toggle() {
    this.row.hidden = !this.row.hidden;
    setState(this.button, "expanded", !this.row.hidden);
    this.draw();
    if (!this.row.hidden) this.choices.querySelector("button")?.focus();
  }

  draw() {
    if (this.row.hidden) return;
    reconcile(this.choices, maskable(this.page.store.look, this.others), {
      key: (name) => name,
      draw: (name) => button("kx-chip kx-choice", capital(bare(name)), () => this.find(name), { "data-name": name }),
      refresh: (chip, name) => setState(chip, "pressed", name === this.chosen),
    });
  }

  /** @param {string | null} chosen @param {string} said */
  tell(chosen, said) {
    this.chosen = chosen;
    this.said.textContent = said;
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    const wanted = this.name.value.trim();
    if (event.key !== "Enter" || !wanted) return;
    event.preventDefault();
    this.find(wanted);
  }

  /** @param {string} what */
  async find(what) {
    const head = this.page.store.head();
    if (this.busy || !head) return;
    this.busy = true;
    this.row.setAttribute("aria-busy", "true");
    this.tell(what, `Looking for ${what}…`);
    const answer = await this.page.call("find_mask", { version: head.id, name: what }, { quiet: true });
    this.busy = false;
    this.row.removeAttribute("aria-busy");
    if (this.page.store.head()?.id !== head.id) return this.tell(null, "");
    if (answer.error) return this.tell(null, sentence(answer.error));
    try {
      await this.paint(answer.result.digest);
    } catch {
      return this.tell(null, "The mask did not arrive. Try again.");
    }
    this.others = answer.result.others;
    this.tell(what, `${capital(bare(answer.result.how))}. Paint on, or use it.`);
  }

  reset() {
    this.name.value = "";
    this.tell(null, "");
  }
}

/**
 * @param {Page} page
 * @param {(digest: string) => Promise<void>} paint puts a stored mask on the canvas
 */
export function automask(page, paint) {
  const made = new AutoMask(page, paint);
  return { button: made.button, row: made.row, reset: () => made.reset() };
}
