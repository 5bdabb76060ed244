// Where instructions are written: the prompt, references, the tier with its price, and what sending would do.

import { button, fileField, fill, h, iconButton } from "../../core/dom.js";
import { afterSending, takeBack, withSeed } from "../../core/draft.js";
import { price } from "../../core/format.js";
import { icon } from "../../core/icons.js";
import { pageCommand } from "../../core/offer.js";
import { sending } from "../../core/sending.js";
import { upload } from "../../core/session.js";
import { ADDRESS_ONLY, broughtBy, DIGEST_TYPE } from "../../core/transfer.js";
import { builder } from "./builder.js";
import { Hints } from "./hints.js";
import { ideas } from "./ideas.js";
import { parameterPanel } from "./parameters.js";
import { Prompt } from "./prompt.js";
import { keyless, Receipt } from "./receipt.js";
import { obeyed } from "./said.js";
import { drawStrip } from "./strip.js";
import { canGenerate, drawTiers, tierPicker } from "./tiers.js";

/** @import { Composer, Page } from "../../core/page.d.ts" */
/** @import { EditDraft } from "../../core/types.d.ts" */

const SEVERAL = "several";

/** @implements {Composer} */
class ComposerPart {
  strip = h("div", { class: "kx-strip" });
  /** Says that the next message waits for the edit that runs; a click makes it a branch instead. */
  line = h("div", { class: "kx-follows", id: "kx-line", hidden: true });
  branches = false;
  /** @type {number | null} Of one answer. */
  usd = null;
  /** @type {Promise<unknown>} */
  sending = Promise.resolve();
  /** @type {string | null} The job that was sent last, which the page may not have been told of yet. */
  sent = null;

  /** @param {HTMLElement} root @param {Page} page */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.prompt = new Prompt(page, { send: () => this.send(), attach: (files) => this.attach(files) });
    this.receipt = new Receipt(
      page,
      (usd) => this.priced(usd),
      (refused) => root.classList.toggle("kx-refused", refused),
    );
    this.picker = tierPicker(page);
    this.panel = parameterPanel(page);
    this.builder = builder(page, (text) => this.write(text));
    this.hints = new Hints(page, { write: (text) => this.write(text), focus: () => this.prompt.focus() });
    this.sendButton = sender("kx-send", "Send (Enter)", "send", () => this.send());
    this.count = variants(
      () => this.drawSend(),
      () => this.askSeveral(),
    );
    this.stopButton = sender("kx-stop", "Stop the running edit (Esc)", "stop", () => pageCommand("stop").run?.(page));
    this.assemble();
    page.store.subscribe(["draft", "tiers", "opened"], (changed) => {
      if (changed.has("opened")) this.sent = null;
      this.draw();
    });
    page.store.subscribe(["jobs", "project", "opened", "draft", "tiers"], () => this.drawState());
  }

  assemble() {
    const { root, page, panel } = this;
    const file = fileField({ accept: "image/*", multiple: true }, (files) => this.attach(files));
    const attach = iconButton(icon("plus"), "Add a reference image", () => file.click(), { id: "kx-attach" });
    const row = [
      attach,
      this.picker,
      panel.button,
      this.builder.button,
      h("div", { class: "kx-row kx-send-group" }, this.count, this.stopButton, this.sendButton),
    ];
    const box = h(
      "div",
      { class: "kx-composer" },
      this.strip,
      this.line,
      h("div", { class: "kx-prompt-row" }, this.prompt.field),
      h("div", { class: "kx-row kx-composer-row" }, row),
      this.receipt.element,
      this.hints.line,
      file,
    );
    const suggestions = ideas(page, (text) => this.write(text));
    fill(root, panel.element, this.builder.element, suggestions, box);
    box.addEventListener("dragover", (event) => {
      event.preventDefault();
      event.stopPropagation();
    });
    box.addEventListener("drop", (event) => this.dropped(event));
    // On a phone the composer lies over the lower edge of every view, which has to know how high it is.
    const { style } = document.documentElement;
    new ResizeObserver(() => style.setProperty("--compose", `${root.offsetHeight}px`)).observe(root);
  }

  draw() {
    const { store } = this.page;
    if (!store.project) return;
    this.prompt.draw();
    this.sendButton.disabled = !store.draft.instruction.trim();
    this.root.classList.toggle("kx-has-text", !this.sendButton.disabled);
    this.hints.refresh();
    drawTiers(this.picker, store);
    drawStrip(this.strip, this.page);
    this.panel.draw();
    this.receipt.check();
  }

  drawState() {
    const { store } = this.page;
    this.receipt.forget();
    this.drawLine();
    this.stopButton.hidden = store.runningHere() === null;
    const first = canGenerate(store) ? "Open a picture first, or describe one" : "Open a picture first";
    const head = store.head();
    this.prompt.field.placeholder = head ? `Say what should change in v${head.number}…` : first;
  }

  /** @param {number | null} usd */
  priced(usd) {
    this.usd = usd;
    this.drawSend();
  }

  /** What a click costs stands on what is clicked. */
  drawSend() {
    const { store } = this.page;
    this.count.hidden = store.backend()?.full_resolution !== false; // one engine draws the same each time
    const times = this.times();
    const usd = this.usd ? this.usd * times : 0;
    const label = `Send${times > 1 ? ` for ${times} answers` : ""}${usd ? `, ${price(usd)}` : ""} (Enter)`;
    Object.assign(this.sendButton, { title: label, ariaLabel: label });
    fill(this.sendButton, usd > 0 && h("span", { class: "kx-send-price" }, price(usd)), icon("send"));
    this.sendButton.classList.toggle("kx-priced", usd > 0);
  }

  /** The same to several models, each of which is chosen with its price. */
  async askSeveral() {
    const { store, canvas, dialogs, toast } = this.page;
    await canvas.settleMask();
    const draft = { ...store.draft, instruction: store.draft.instruction.trim() };
    if (!draft.instruction) {
      toast("Write what should change first.");
      return this.focus();
    }
    const follows = !this.branches && draft.parent === null && !draft.from_text;
    return dialogs.several({ ...draft, after: follows ? this.lastSent() : null }, () => {
      store.setDraft(afterSending(store.draft));
      this.draw();
    });
  }

  times() {
    return this.count.hidden ? 1 : Number(this.count.value);
  }

  drawLine() {
    const { store } = this.page;
    const running = store.lastInLine();
    if (!running) this.branches = false;
    this.line.hidden = !running || store.draft.parent !== null;
    if (this.line.hidden) return;
    const turn = () => {
      this.branches = !this.branches;
      this.drawLine();
    };
    const now = this.branches ? "A branch beside the edit that runs" : "Next, after the edit that runs";
    const other = this.branches ? "Send it after that edit" : "Send it as a branch";
    fill(this.line, h("span", { class: "kx-muted" }, now), button("kx-link", other, turn));
  }

  async send() {
    const { store, canvas } = this.page;
    await canvas.settleMask();
    const draft = { ...store.draft, instruction: store.draft.instruction.trim() };
    if (!draft.instruction || !store.project) return;
    const lacking = keyless(store);
    if (lacking) return this.page.dialogs.settings(lacking.id);
    if (canvas.mode === "mask") canvas.leave();
    store.setDraft(afterSending(store.draft));
    this.draw();
    // One after the other: what a message follows is known once the one before it has been taken.
    const [times, follows] = [this.times(), !this.branches];
    this.prompt.unsent.push(draft.instruction);
    const submit = () => this.submit(draft, times, follows);
    const turn = this.sending.then(async () => {
      const said = !draft.mask && !draft.references.length && (await obeyed(this.page, draft.instruction, submit));
      this.prompt.unsent.shift();
      if (!said) await submit();
    });
    this.sending = turn.catch(() => null); // one that went wrong must not hold up the next
    await turn;
  }

  /** @param {EditDraft} draft @param {number} times @param {boolean} follows */
  async submit(draft, times, follows) {
    const { store } = this.page;
    const after = follows && draft.parent === null && !draft.from_text ? this.lastSent() : null;
    const drafts = severalOf({ ...draft, after }, times);
    const { error, result } = await sending.send(this.page, drafts);
    if (!error) {
      this.sent = result.jobs[0];
      return;
    }
    store.setDraft(takeBack(store.draft, draft));
    this.receipt.refuse(error);
  }

  /** The edit whose result the next message is for; `null` for the picture that is there. */
  lastSent() {
    const { store } = this.page;
    const unseen = this.sent && !store.jobs.has(this.sent) && !this.arrived(this.sent);
    return unseen ? this.sent : (store.lastInLine()?.id ?? null);
  }

  /** @param {string} job */
  arrived(job) {
    return [...this.page.store.versions.values()].some((version) => version.job === job);
  }

  /** @param {File[]} files */
  async attach(files) {
    const { store } = this.page;
    for (const picture of files) {
      if (!store.head()) await upload(picture, "root");
      else {
        const { result } = await upload(picture, "reference");
        if (result) store.addReference(result.digest);
      }
    }
  }

  /** @param {DragEvent} event */
  dropped(event) {
    event.preventDefault();
    event.stopPropagation();
    const digest = event.dataTransfer?.getData(DIGEST_TYPE);
    if (digest) return this.page.store.addReference(digest);
    const { files, text, address } = broughtBy(event.dataTransfer);
    if (text) return this.prompt.insert(text);
    if (address) return this.page.toast(ADDRESS_ONLY);
    return this.attach(files);
  }

  focus() {
    this.page.show("chat");
    this.prompt.focus();
  }

  /** @param {string} text */
  write(text) {
    this.prompt.write(text);
  }

  /** @param {Partial<EditDraft>} draft */
  take(draft) {
    this.page.store.setDraft(draft);
    this.draw();
    this.page.panels.reveal("chat");
    this.prompt.focus();
  }
}

/**
 * The same several times: a seed that was chosen is the first one's, the others find their own.
 * @param {EditDraft} draft
 * @param {number} times
 */
export function severalOf(draft, times) {
  return Array.from({ length: times }, (_, index) => (index ? withSeed(draft, null) : draft));
}

/** How many answers to ask for, or whom. @param {() => unknown} changed @param {() => unknown} several */
function variants(changed, several) {
  const options = [1, 2, 4].map((times) => h("option", { value: times }, `×${times}`));
  let times = "1";
  const onchange = () => {
    if (select.value !== SEVERAL) {
      times = select.value;
      return changed();
    }
    select.value = times; // it is no number of answers
    return several();
  };
  const label = "How many answers";
  /** @type {HTMLSelectElement} */
  const select = h(
    "select",
    { id: "kx-count", "aria-label": label, title: label, hidden: true, onchange },
    options,
    h("option", { value: SEVERAL }, "Several models…"),
  );
  return select;
}

/**
 * @param {string} id
 * @param {string} label
 * @param {"send" | "stop"} name
 * @param {() => unknown} run
 */
function sender(id, label, name, run) {
  const stops = name === "stop";
  return iconButton(icon(name), label, run, { id, class: stops ? "kx-send kx-stop" : "kx-send", hidden: stops });
}

/**
 * @param {HTMLElement} root
 * @param {Page} page
 * @returns {Composer}
 */
export function mountComposer(root, page) {
  return new ComposerPart(root, page);
}
