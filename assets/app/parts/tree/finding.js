// Which versions and failed edits hold what somebody is looking for. Everything is here already, so nothing is asked.

/** @import { Job } from "../../core/store.js" */
/** @import { Store } from "../../core/store.js" */
/** @import { VersionRow } from "../../core/types.d.ts" */
/** @import { Entry } from "./outline.js" */

/** @type {WeakMap<object, string>} */
const folded = new WeakMap();

/** Case and accents do not count, and spaces count as one. @param {string} text */
export function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ").trim();
}

/** @param {VersionRow | Job} row @param {() => (string | number | null | undefined | false)[]} texts */
function textOf(row, texts) {
  const known = folded.get(row);
  if (known !== undefined) return known;
  const text = ` ${fold(texts().filter(Boolean).join(" \n "))} `;
  folded.set(row, text);
  return text;
}

/** @param {VersionRow} row */
function ofVersion(row) {
  const { outcome, request, source } = row;
  return textOf(row, () => [
    `v${row.number}`,
    row.name,
    row.instruction,
    source?.filename,
    outcome?.description,
    outcome?.tier,
    outcome?.model,
    outcome?.backend_label,
    row.starred && "★ starred",
    request?.mask && "masked",
    request?.region && "rectangle",
  ]);
}

/** @param {Job} row */
function ofJob(row) {
  const failed = row.failure ? "failed" : row.state;
  return textOf(row, () => [row.instruction, row.request.tier, row.backend_label, failed, row.failure?.message]);
}

/**
 * All words must be there; a number such as "v12" must be all of a number.
 * @param {string} text what `fold` gave
 * @returns {(row: VersionRow | Job) => boolean}
 */
export function matcher(text) {
  const words = text.split(" ").map((word) => (/^v\d+$/.test(word) ? ` ${word} ` : word));
  return (row) => {
    const own = "state" in row ? ofJob(row) : ofVersion(row);
    return words.every((word) => own.includes(word));
  };
}

/** What is found, the newest first. @param {Store} store @param {string} needle what `fold` gave @returns {Entry[]} */
export function hits(store, needle) {
  const found = matcher(needle);
  const rows = [...store.versions.values(), ...store.jobs.values()].filter(found);
  rows.sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
  return rows.map((row) =>
    "state" in row
      ? { kind: "job", key: row.id, from: [], job: row }
      : { kind: "version", key: row.id, from: [], version: row, side: false, last: true, more: 0, open: null },
  );
}
