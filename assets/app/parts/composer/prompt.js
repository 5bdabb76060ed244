// The box that instructions are typed into; what is typed outlives the page.
import { postAndLeave } from "../../core/api.js";
import { debounce, h } from "../../core/dom.js";
import { withInstruction } from "../../core/draft.js";
import { leaveBehind } from "../../core/left_behind.js";
import { broughtBy } from "../../core/transfer.js";

/** @import { Page } from "../../core/page.d.ts" */

const MAX_LINES = 8;
const PADDING_PX = 16;
const SAVE_MS = 600;
const KEYCODE_OF_INPUT_METHODS = 229;

export class Prompt {
  /** @type {string | null} What the server knows; `null` before it was asked or when it could not be told. */
  saved = null;
  /** @type {string[]} What was sent and still waits for its turn to leave; a page that closes keeps it as a draft. */
  unsent = [];

  /** @param {Page} page @param {{send: () => unknown, attach: (files: File[]) => unknown}} does */
  constructor(page, does) {
    this.page = page;
    this.does = does;
    this.field = h("textarea", {
      id: "kx-prompt",
      rows: 1,
      placeholder: "Say what should change…",
      "aria-label": "Instruction",
      "aria-describedby": "kx-receipt",
      autocomplete: "off",
      spellcheck: "true",
      dir: "auto",
      oninput: () => this.typed(),
      onkeydown: (event) => this.keyed(event),
      onpaste: (event) => this.pasted(event),
    });
    this.save = debounce(() => this.saveNow(), SAVE_MS);
    addEventListener("pagehide", () => this.leave());
  }

  typed() {
    const { store } = this.page;
    store.setDraft(withInstruction(store.draft, this.field.value));
    this.grow();
    this.save();
  }

  /** Show what the draft says, unless it is what is there. */
  draw() {
    const { instruction } = this.page.store.draft;
    this.saved ??= instruction;
    if (this.field.value === instruction) return;
    this.field.value = instruction;
    this.grow();
    this.save();
  }

  grow() {
    const { style } = this.field;
    style.height = "auto";
    const line_px = Number.parseFloat(getComputedStyle(this.field).lineHeight);
    style.height = `${Math.min(this.field.scrollHeight, line_px * MAX_LINES + PADDING_PX)}px`;
  }

  focus() {
    this.field.focus();
    this.field.setSelectionRange(this.field.value.length, this.field.value.length);
  }

  /** Put a text in as if it were typed, so that Ctrl+Z brings back what was there. @param {string} text */
  write(text) {
    this.field.focus();
    this.field.select();
    // Deprecated, and still the only way to change a text and keep the browser's own undo; nothing replaces it.
    if (!document.execCommand("insertText", false, text)) {
      this.field.value = text;
      this.typed();
    }
    const gap = text.indexOf("…");
    if (gap >= 0) this.field.setSelectionRange(gap, gap + 1);
  }

  saveNow() {
    this.save.cancel();
    const { project, draft } = this.page.store;
    if (!project || this.saved === draft.instruction) return;
    this.saved = draft.instruction;
    leaveBehind(project.id, draft.instruction);
    postAndLeave("save_draft", { project: project.id, text: this.saved }).catch(() => {
      this.saved = null;
    });
  }

  /** The server may answer the next page before this arrives there. */
  leave() {
    const { store } = this.page;
    if (this.unsent.length) {
      store.setDraft({ instruction: [...this.unsent, store.draft.instruction].filter(Boolean).join("\n") });
    }
    this.saveNow();
  }

  /** In an empty box the arrow up brings back what was said last, and then what was said before that. */
  recall() {
    const said = this.page.store.path().flatMap(({ instruction }) => instruction || []);
    const at = said.lastIndexOf(this.field.value);
    const before = this.field.value === "" ? said.at(-1) : at > 0 && said[at - 1];
    if (!before) return false;
    this.write(before);
    return true;
  }

  /** While an input method is composing, Enter belongs to it. @param {KeyboardEvent} event */
  keyed(event) {
    if (event.key === "ArrowUp" && this.recall()) return event.preventDefault();
    const composing = event.isComposing || event.keyCode === KEYCODE_OF_INPUT_METHODS;
    if (event.key !== "Enter" || event.shiftKey || composing) return;
    event.preventDefault();
    this.does.send();
  }

  /** Words go where the cursor is, as they do anywhere. @param {ClipboardEvent} event */
  pasted(event) {
    const { files } = broughtBy(event.clipboardData);
    if (!files.length) return;
    event.preventDefault();
    this.does.attach(files);
  }

  /** Put a text in where the cursor is. @param {string} text */
  insert(text) {
    this.field.focus();
    if (document.execCommand("insertText", false, text)) return;
    this.field.setRangeText(text);
    this.typed();
  }
}
