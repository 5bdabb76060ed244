// An instruction put together from parts: what to do, with what, what it becomes, what stays.
import { button, debounce, fill, h, iconButton, setState } from "../../core/dom.js";
import { icon } from "../../core/icons.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { BuilderRow, OverviewRow } from "../../core/types.d.ts" */

const COLOURS = ["red", "orange", "yellow", "green", "teal", "blue", "purple", "black", "white"];
const PAUSE_MS = 120;

/** @param {string} label */
const group = (label) => h("div", { class: "kx-chips", role: "group", "aria-label": label });

/** @param {string} name @param {boolean} pressed @param {(chip: HTMLElement) => unknown} run */
function chip(name, pressed, run) {
  const props = { "data-name": name, "aria-pressed": String(pressed) };
  const shown = button("kx-chip kx-choice", name, () => run(shown), props);
  return shown;
}

/** What of a picture can be named as the subject. @param {OverviewRow | null} look */
function subjects(look) {
  const things = (look?.things ?? []).map((thing) => thing.said);
  const words = (look?.words ?? []).map((word) => `"${word}"`);
  const whole = look?.subject && !things.length ? ["the main subject"] : [];
  return [...things, ...(look?.sky ? ["the sky"] : []), "the background", ...whole, ...words];
}

class Builder {
  action = h("select", { onchange: () => this.changed() });
  subject = this.field();
  state = this.field();
  stateLabel = h("span", {});
  stateField = h("label", { class: "kx-field" }, this.stateLabel, this.state);
  seen = group("Seen in this picture");
  colours = group("Colours");
  keep = group("What should stay");
  preview = h("output", { class: "kx-built", "aria-live": "polite" });
  use = button("kx-button kx-primary", "Insert", () => this.finish(), { disabled: true });
  button = iconButton(icon("build"), "Build an instruction from parts", () => this.toggle(), {
    id: "kx-build",
    "aria-expanded": "false",
    "aria-controls": "kx-builder",
  });
  ask = debounce(() => this.askNow(), PAUSE_MS);
  /** @type {Set<string>} */
  kept = new Set();
  /** @type {BuilderRow | null} */
  parts = null;
  text = "";

  /** @param {Page} page @param {(text: string) => void} write */
  constructor(page, write) {
    this.page = page;
    this.write = write;
    this.element = this.assembled();
    page.store.subscribe(["look"], () => this.drawSeen());
  }

  field() {
    return h("input", { type: "text", maxlength: 200, autocomplete: "off", oninput: () => this.changed() });
  }

  assembled() {
    return h(
      "div",
      {
        class: "kx-builder",
        id: "kx-builder",
        role: "group",
        "aria-label": "Build an instruction",
        hidden: true,
        onkeydown: (event) => this.keyed(event),
      },
      h(
        "div",
        { class: "kx-row" },
        h("h2", { class: "kx-grow" }, "Build an instruction"),
        iconButton(icon("close"), "Close", () => this.close()),
      ),
      h(
        "div",
        { class: "kx-pair" },
        h("label", { class: "kx-field" }, h("span", {}, "Action"), this.action),
        h("label", { class: "kx-field" }, h("span", {}, "Subject"), this.subject),
      ),
      this.seen,
      this.stateField,
      this.colours,
      h("span", { class: "kx-field-name" }, "Keep"),
      this.keep,
      h("div", { class: "kx-build-end" }, this.preview, this.use),
    );
  }

  async toggle() {
    if (!this.element.hidden) return this.close();
    this.parts ??= (await this.page.call("builder")).result ?? null;
    if (!this.parts) return;
    if (!this.action.children.length) this.drawParts(this.parts);
    this.element.hidden = false;
    setState(this.button, "expanded", true);
    this.drawSeen();
    this.changed();
    this.action.focus();
  }

  close() {
    this.element.hidden = true;
    setState(this.button, "expanded", false);
    this.button.focus();
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    }
    if (event.key === "Enter" && event.target instanceof HTMLInputElement && !this.use.disabled) {
      event.preventDefault();
      this.finish();
    }
  }

  finish() {
    if (!this.text) return;
    this.close();
    this.write(this.text);
  }

  get chosen() {
    return this.parts?.actions.find((one) => one.id === this.action.value) ?? this.parts?.actions[0] ?? null;
  }

  changed() {
    const now = this.chosen;
    if (!now) return;
    this.stateLabel.textContent = now.state_label;
    this.state.placeholder = now.example;
    this.stateField.hidden = !now.needs_state;
    this.subject.placeholder = now.needs_subject ? "" : "the picture";
    this.drawColours(now.id === "colour");
    for (const one of /** @type {HTMLElement[]} */ ([...this.seen.children])) {
      setState(one, "pressed", one.dataset.name === this.subject.value);
    }
    this.ask();
  }

  async askNow() {
    const state = this.chosen?.needs_state ? this.state.value : "";
    const sentence = { action: this.action.value, subject: this.subject.value, state, preserve: [...this.kept] };
    const answer = await this.page.call("compose", { sentence }, { quiet: true });
    if (!answer.result) return;
    this.text = answer.result.text;
    this.use.disabled = !this.text;
    this.preview.textContent = this.text || "The sentence appears here.";
    this.preview.classList.toggle("kx-muted", !this.text);
  }

  /** @param {BuilderRow} parts */
  drawParts({ actions, preservable }) {
    fill(
      this.action,
      actions.map((one) => h("option", { value: one.id }, one.label)),
    );
    /** @param {string} name */
    const keeping = (name) =>
      chip(name, false, (shown) => {
        if (!this.kept.delete(name)) this.kept.add(name);
        setState(shown, "pressed", this.kept.has(name));
        this.ask();
      });
    fill(this.keep, preservable.map(keeping));
  }

  drawSeen() {
    if (this.element.hidden) return;
    /** @param {string} name */
    const choose = (name) => {
      this.subject.value = name;
      if (name.startsWith('"')) this.action.value = "replace";
      this.changed();
      (this.stateField.hidden ? this.use : this.state).focus();
    };
    fill(
      this.seen,
      subjects(this.page.store.look).map((name) => chip(name, name === this.subject.value, () => choose(name))),
    );
  }

  /** @param {boolean} shown */
  drawColours(shown) {
    this.colours.hidden = !shown;
    if (!shown) return;
    /** @param {string} name */
    const choose = (name) => {
      this.state.value = name;
      this.changed();
      this.use.focus();
    };
    fill(
      this.colours,
      COLOURS.map((name) => chip(name, name === this.state.value, () => choose(name))),
    );
  }
}

/** @param {Page} page @param {(text: string) => void} write puts the finished sentence into the prompt */
export function builder(page, write) {
  const { button, element } = new Builder(page, write);
  return { button, element };
}
