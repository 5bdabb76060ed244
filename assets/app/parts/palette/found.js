// What the palette offers for what was typed: commands first, then versions, then projects.
import { PAGE, VERSION } from "../../core/commands.js";
import { counted } from "../../core/format.js";
import { labelOf, shownKey } from "../../core/lookup.js";
import { askedFor, facts } from "../../core/versions.js";
import { fold, matcher } from "../tree/finding.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { ProjectRow, VersionRow } from "../../core/types.d.ts" */
/**
 * @typedef {object} Choice
 * @property {string} id
 * @property {string} label
 * @property {string} [note] what stands beside it
 * @property {string} [key]
 * @property {import("../../core/icons.js").IconName} [icon]
 * @property {{digest: string, project?: string}} [picture]
 * @property {() => unknown} run
 */
/** @typedef {{title: string, choices: Choice[]}} Group */

const MOST = { commands: 40, versions: 24, projects: 12 };
/** How many are shown of each before anything is typed. */
const FIRST = { commands: 40, versions: 4, projects: 4 };
/** What would only close the palette again, or needs a pointer. */
const LEFT_OUT = new Set(["palette", "leave", "leave-alone", "version-menu"]);

/**
 * How well a text answers, the smaller the better; `null` where a word is missing.
 * @param {string} text what `fold` gave
 * @param {string} needle what `fold` gave
 */
export function rank(text, needle) {
  const words = needle.split(" ").filter(Boolean);
  if (!words.every((word) => text.includes(word))) return null;
  if (text.startsWith(needle)) return 0;
  return words.every((word) => ` ${text}`.includes(` ${word}`)) ? 1 : 2;
}

/** @param {Choice[]} choices @param {string} needle */
function best(choices, needle) {
  if (!needle) return choices;
  const ranked = choices.map((choice) => ({ choice, at: rank(fold(`${choice.label} ${choice.note ?? ""}`), needle) }));
  const found = ranked.filter(({ at }) => at !== null);
  return found.sort((a, b) => (a.at ?? 0) - (b.at ?? 0)).map(({ choice }) => choice);
}

/** @param {Page} page @returns {Choice[]} */
function commands(page) {
  return PAGE.filter(({ id, run, when }) => run && !LEFT_OUT.has(id) && (when?.(page, undefined) ?? true)).map(
    (command) => ({
      id: `command-${command.id}`,
      label: labelOf(command, page, undefined),
      key: command.keys && shownKey(command.keys[0]),
      icon: command.icon,
      run: () => command.run?.(page, undefined),
    }),
  );
}

/** What can be done with the current version. @param {Page} page @returns {Choice[]} */
function ofHead(page) {
  const head = page.store.head();
  if (!head) return [];
  const possible = VERSION.filter(({ places, when }) => places?.includes("menu") && (when?.(page, head) ?? true));
  return possible.map((command) => ({
    id: `version-command-${command.id}`,
    label: labelOf(command, page, head),
    note: `v${head.number}`,
    icon: command.icon,
    run: () => command.run?.(page, head),
  }));
}

/** The newest first. @param {Page} page @param {string} needle @returns {Choice[]} */
function versions({ store, call, show }, needle) {
  const rows = [...store.versions.values()].filter(needle ? matcher(needle) : () => true);
  rows.sort((a, b) => b.number - a.number);
  /** @param {VersionRow} version */
  const go = (version) => {
    show("image");
    return call("select", { version: version.id });
  };
  return rows.slice(0, MOST.versions).map((version) => ({
    id: `version-${version.id}`,
    label: askedFor(version),
    note: `v${version.number}${version.starred ? " ★" : ""} · ${facts(version)}`,
    picture: { digest: version.digest },
    run: () => go(version),
  }));
}

/** @param {Page} page @param {ProjectRow[]} rows @returns {Choice[]} */
function projects({ store, open }, rows) {
  return rows
    .filter(({ id }) => id !== store.project?.id)
    .map((row) => ({
      id: `project-${row.id}`,
      label: row.title,
      note: counted(row.version_count, "version"),
      icon: /** @type {const} */ ("image"),
      picture: row.cover ? { digest: row.cover, project: row.id } : undefined,
      run: () => open(row.id),
    }));
}

/**
 * Groups that are not empty, in the order in which they are shown.
 * @param {Page} page
 * @param {ProjectRow[]} rows projects, as far as they are known
 * @param {string} typed
 * @returns {Group[]}
 */
export function found(page, rows, typed) {
  const needle = fold(typed);
  const most = needle ? MOST : FIRST;
  const groups = [
    { title: "Commands", choices: best([...commands(page), ...ofHead(page)], needle).slice(0, most.commands) },
    { title: "Versions", choices: versions(page, needle).slice(0, most.versions) },
    { title: "Projects", choices: best(projects(page, rows), needle).slice(0, most.projects) },
  ];
  // Before anything is typed one looks for where one was, not through all that the page can do.
  if (!needle) groups.push(...groups.splice(0, 1));
  return groups.filter(({ choices }) => choices.length);
}
