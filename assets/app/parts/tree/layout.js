// Where the versions of a tree stand: rows are generations, a branch takes the nearest free column.

/** @typedef {{row: number, column: number}} Place */
/** @typedef {{id: string, parent: string | null}} Node */

/**
 * @param {Node[]} rows parents first
 * @returns {{places: Map<string, Place>, rows: number, columns: number}}
 */
export function layout(rows) {
  const { roots, children } = familyOf(rows);
  /** @type {Map<string, Place>} */
  const places = new Map();
  let top = 0;
  let columns = 1;
  for (const root of roots) {
    const { bottom, width } = layTree(root, top, children, places);
    columns = Math.max(columns, width);
    top = bottom + 2;
  }
  return { places, rows: Math.max(0, top - 1), columns };
}

/** @param {Node[]} rows */
function familyOf(rows) {
  const known = new Set(rows.map((row) => row.id));
  /** @type {Map<string, string[]>} */
  const children = new Map();
  const roots = [];
  for (const { id, parent } of rows) {
    if (parent && known.has(parent)) children.set(parent, [...(children.get(parent) ?? []), id]);
    else roots.push(id);
  }
  return { roots, children };
}

/**
 * First children go straight down; each other child begins a line of its own, beside what is there already.
 * @param {string} root
 * @param {number} top
 * @param {Map<string, string[]>} children
 * @param {Map<string, Place>} places filled in
 */
function layTree(root, top, children, places) {
  /** @type {[number, number][][]} rows that are taken, by column */
  const taken = [];
  let bottom = top;
  const lines = [{ id: root, row: top, from: -1 }];
  for (let next = lines.pop(); next; next = lines.pop()) {
    const { row, from } = next;
    const line = lineFrom(next.id, children);
    const end = row + line.length - 1;
    const column = freeColumn(taken, from + 1, row, end);
    taken[column] = [...(taken[column] ?? []), [row, end]];
    bottom = Math.max(bottom, end);
    line.forEach((id, index) => {
      places.set(id, { row: row + index, column });
      const branches = (children.get(id) ?? []).slice(1).reverse();
      lines.push(...branches.map((branch) => ({ id: branch, row: row + index + 1, from: column })));
    });
  }
  return { bottom, width: taken.length };
}

/** @param {string} id @param {Map<string, string[]>} children */
function lineFrom(id, children) {
  const line = [];
  for (let at = /** @type {string | undefined} */ (id); at; at = children.get(at)?.[0]) line.push(at);
  return line;
}

/** @param {[number, number][][]} taken @param {number} first @param {number} start @param {number} end */
function freeColumn(taken, first, start, end) {
  let column = first;
  while ((taken[column] ?? []).some(([from, to]) => from <= end && start <= to)) column += 1;
  return column;
}
