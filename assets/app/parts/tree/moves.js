// Where the arrow keys lead in a tree of versions.

/** @import { VersionRow } from "../../core/types.d.ts" */
/** @typedef {Pick<VersionRow, "id" | "parent">} Node */

/**
 * The version that a key leads to; `undefined` where there is none, `null` for a key that moves nothing.
 * @param {string} key
 * @param {Node} from
 * @param {Map<string, Node>} versions
 * @returns {string | null | undefined}
 */
export function moved(key, from, versions) {
  if (key === "ArrowUp") return from.parent ?? undefined;
  if (key === "ArrowDown") return firstChild(from.id, versions)?.id;
  if (key === "ArrowLeft") return sibling(from, -1, versions);
  if (key === "ArrowRight") return sibling(from, 1, versions);
  if (key === "Home") return rootOf(from, versions).id;
  if (key === "End") return leafOf(from, versions).id;
  return null;
}

/** @param {string} id @param {Map<string, Node>} versions */
const firstChild = (id, versions) => [...versions.values()].find((version) => version.parent === id);

/** @param {Node} from @param {number} step @param {Map<string, Node>} versions */
function sibling(from, step, versions) {
  const line = [...versions.values()].filter((version) => version.parent === from.parent);
  return line[line.findIndex(({ id }) => id === from.id) + step]?.id;
}

/** @param {Node} from @param {Map<string, Node>} versions */
function rootOf(from, versions) {
  let at = from;
  for (let up = versions.get(at.parent ?? ""); up; up = versions.get(at.parent ?? "")) at = up;
  return at;
}

/** @param {Node} from @param {Map<string, Node>} versions */
function leafOf(from, versions) {
  let at = from;
  for (let down = firstChild(at.id, versions); down; down = firstChild(at.id, versions)) at = down;
  return at;
}
