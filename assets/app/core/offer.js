// Commands as buttons, and as keys that work wherever the focus is, except while typing.

import { PAGE } from "./commands.js";
import { button, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { commandFor, keyOf, labelOf, offered, tooltipOf } from "./lookup.js";

/** @import { Command, Place } from "./commands.js" */
/** @import { Props } from "./dom.js" */
/** @import { Page } from "./page.d.ts" */

/**
 * @template S
 * @param {Command<S>} command
 * @param {Page} page
 * @param {S} subject
 * @param {Props} props
 */
export function commandButton(command, page, subject, props = {}) {
  const { run, press, release } = command;
  const act = run ? () => run(page, subject) : null;
  if (command.looks === "chip") {
    const words = labelOf(command, page, subject);
    return button("kx-chip", [command.icon ? icon(command.icon) : null, words], () => act?.(), props);
  }
  const said = typeof command.word === "function" ? command.word(subject, page) : command.word;
  const word = said && h("span", { class: "kx-word", "aria-hidden": "true" }, said);
  const shown = iconButton([icon(command.icon ?? "more"), word], tooltipOf(command, page, subject), act, props);
  if (!run && press && release) {
    shown.addEventListener("pointerdown", () => press(page));
    for (const end of ["pointerup", "pointerleave", "pointercancel"]) shown.addEventListener(end, () => release(page));
  }
  return shown;
}

/**
 * The buttons of all commands offered at a place for a subject.
 * @template S
 * @param {Command<S>[]} table
 * @param {Place} place
 * @param {Page} page
 * @param {S} subject
 */
export function commandButtons(table, place, page, subject) {
  return offered(table, place, page, subject).map((command) => commandButton(command, page, subject));
}

/** @param {string} id */
export function pageCommand(id) {
  const command = PAGE.find((one) => one.id === id);
  if (!command) throw new RangeError(`There is no command ${id}.`);
  return command;
}

/**
 * Whether a key belongs to a field. Esc in the prompt is the page's unless an input method is at work, and in an
 * empty prompt there is nothing to undo, so Ctrl+Z is too.
 * @param {KeyboardEvent} event
 */
export function isTyping({ target, key, ctrlKey, metaKey, isComposing }) {
  if (!(target instanceof Element)) return false;
  const field = target.closest("input, textarea, select, [contenteditable]");
  if (field?.id !== "kx-prompt" || !(field instanceof HTMLTextAreaElement)) return field !== null;
  return !((key === "Escape" && !isComposing) || (field.value === "" && (ctrlKey || metaKey)));
}

/** @param {Page} page */
export function listenToKeys(page) {
  addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const command = commandFor(keyOf(event), page);
    if (!command || (isTyping(event) && !command.whileTyping)) return;
    event.preventDefault();
    if (!command.press) command.run?.(page, undefined);
    else if (!event.repeat) command.press(page);
  });
  addEventListener("keyup", (event) => {
    const key = keyOf(event);
    const held = PAGE.find((command) => command.release && key !== null && command.keys?.includes(key));
    held?.release?.(page);
  });
}
