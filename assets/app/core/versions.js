// How versions are spoken of: their number, what was asked for, what a branch is about.
import { price } from "./format.js";

/** @import { VersionRow } from "./types.d.ts" */
/** @typedef {Pick<VersionRow, "instruction" | "source">} Asked */

const DIFFERENCES = 3;
const SHORT = 34;
const NARROWEST = 0.9;
const WIDEST = 2;

/** @param {Asked} version */
export function askedFor({ instruction, source }) {
  return instruction || source?.filename || "Opened picture";
}

/** @param {Pick<VersionRow, "number">} version */
export const numberOf = ({ number }) => `v${number}`;

/** What is read out, and shown where there is room for a sentence. @param {VersionRow} version */
export function describe(version) {
  const { name, starred } = version;
  return [name, askedFor(version), starred && "starred", numberOf(version)].filter(Boolean).join(", ");
}

/** What stands beside the number. @param {VersionRow} version */
export function facts({ outcome, width, height, name }) {
  const about = outcome ? made(outcome) : `${width} × ${height}`;
  return [name && `“${name}”`, about].filter(Boolean).join(" · ");
}

/** @param {NonNullable<VersionRow["outcome"]>} outcome */
function made({ adjusted_px, description, price_usd, backend_label }) {
  if (adjusted_px !== null && adjusted_px !== undefined) return description;
  return price_usd ? price(price_usd) : backend_label;
}
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** Words that run from right to left, so that the sentence of ours that they stand in keeps its order. @param {string} text */
export const isolated = (text) => (RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text);

/** @param {string} text @param {number} length */
export function cut(text, length = SHORT) {
  const line = text.replace(/\s+/g, " ").trim();
  return isolated(line.length > length ? `${whole(line.slice(0, length - 1)).trimEnd()}…` : line);
}

/** Without half of a character at its end. @param {string} text */
const whole = (text) => text.replace(/[\ud800-\udbff]$/, "");

/** Whether cropping it to a common shape would hide what it shows. @param {Pick<VersionRow, "width" | "height">} size */
export function isLong({ width, height }) {
  return width < height * NARROWEST || width > height * WIDEST;
}

/**
 * What a branch did that the way beside it did not, as a few instructions.
 * @param {Asked[]} branch
 * @param {Asked[]} beside
 */
export function differsBy(branch, beside) {
  const known = new Set(beside.map(said));
  const own = new Map(branch.map((version) => [said(version), version.instruction]));
  const texts = [...own].flatMap(([text, instruction]) => (text && !known.has(text) ? instruction : []));
  const shown = texts.slice(0, DIFFERENCES).map((text) => cut(text.replace(/[.!\s]+$/, "")));
  const more = texts.length - shown.length;
  return shown.join(", ") + (more ? ` and ${more} more` : "");
}

/** @param {Asked} version */
const said = ({ instruction }) =>
  instruction
    .toLowerCase()
    .replace(/\s+/g, " ")
    .replace(/[.!]+$/, "")
    .trim();
