// What can be asked of the table of commands: which are offered where, how they are named, which key does what.
import { GALLERY, PAGE } from "./commands.js";

/** @import { Page } from "./page.d.ts" */
/** @import { Command, Place } from "./commands.js" */

/** Keys that belong to a field or to the tree while the focus is there. */
const FIELD_KEYS = [
  ["Enter", "Send the instruction"],
  ["Shift + Enter", "Start a new line"],
  ["Arrow keys", "Move in the history and in the gallery; Enter selects"],
];

/** @type {Record<string, string>} */
const SHOWN = { Mod: "Ctrl or ⌘", Escape: "Esc", ContextMenu: "Menu", " ": "Space", "-": "−" };

/** Every key and what it does, as the help and the README list them. @returns {string[][]} */
export function keyTable() {
  /** @type {Map<string, string[]>} */
  const rows = new Map();
  for (const { keys, help, label } of PAGE) {
    if (keys) rows.set(keys[0], [...(rows.get(keys[0]) ?? []), help ?? String(label)]);
  }
  for (const { keys, help, label } of GALLERY) {
    const [key] = keys ?? [];
    const does = help ?? String(label);
    const known = rows.get(key) ?? [];
    const told = known.includes(does) || FIELD_KEYS.some(([field]) => field === key);
    if (key && !told) rows.set(key, [...known, `${does} (in the gallery)`]);
  }
  const named = [...rows].map(([key, does]) => [shownKey(key), sentenceOf(does)]);
  return [...FIELD_KEYS, ...named];
}

/** A key as people read it. @param {string} key */
export function shownKey(key) {
  const parts = key.length > 1 ? key.split("+") : [key];
  return parts.map((part) => SHOWN[part] ?? part).join(" + ");
}

/** @param {string[]} does what one key does in several situations */
function sentenceOf([first, ...others]) {
  return [first, ...others.map((other) => other[0].toLowerCase() + other.slice(1))].join(", or ");
}

/**
 * The commands of a table that are offered at a place for a subject.
 * @template S
 * @param {Command<S>[]} table
 * @param {Place} place
 * @param {Page} page
 * @param {S} subject
 */
export function offered(table, place, page, subject) {
  return table.filter((command) => command.places?.includes(place) && (command.when?.(page, subject) ?? true));
}

/**
 * @template S
 * @param {Command<S>} command
 * @param {Page} page
 * @param {S} subject
 */
export function labelOf({ label }, page, subject) {
  return typeof label === "string" ? label : label(subject, page);
}

/**
 * With its key, for the tooltip.
 * @template S
 * @param {Command<S>} command
 * @param {Page} page
 * @param {S} subject
 */
export function tooltipOf(command, page, subject) {
  const key = command.keys?.[0].replace("Mod", "Ctrl").replace("Escape", "Esc");
  return labelOf(command, page, subject) + (key ? ` (${key})` : "");
}

/**
 * The command of the page that a key does now.
 * @param {string | null} key
 * @param {Page} page
 */
export function commandFor(key, page) {
  return commandIn(PAGE, key, page, undefined);
}

/**
 * The same of another table.
 * @template S
 * @param {Command<S>[]} table
 * @param {string | null} key
 * @param {Page} page
 * @param {S} subject
 */
export function commandIn(table, key, page, subject) {
  if (key === null) return null;
  return table.find((command) => command.keys?.includes(key) && (command.when?.(page, subject) ?? true)) ?? null;
}

/** What stands on the keys of a Latin keyboard where another script has a letter. @type {Record<string, string>} */
const SIGNS = { BracketLeft: "[", BracketRight: "]", Slash: "/", Period: ".", Minus: "-", Equal: "=" };

/**
 * The key's letter; with a Russian, Greek, Hebrew or Arabic layout the Latin one on the same key.
 * @param {Pick<KeyboardEvent, "key"> & {code?: string}} event
 */
function letterOf({ key, code = "" }) {
  if (key.length !== 1 || key.charCodeAt(0) < 0x250) return key;
  return code.match(/^(?:Key|Digit)(.)$/)?.[1] ?? SIGNS[code] ?? key;
}

/**
 * A key with what is held beside it, such as "Shift+Mod+Z"; `null` where it belongs to the system.
 * @param {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey"> & {code?: string}} event
 */
export function keyOf(event) {
  const { ctrlKey, metaKey, altKey, shiftKey } = event;
  if (altKey) return null;
  const letter = letterOf(event);
  const name = letter.length === 1 ? letter.toUpperCase() : letter;
  if (!ctrlKey && !metaKey) return name;
  return `${shiftKey ? "Shift+" : ""}Mod+${name}`;
}
