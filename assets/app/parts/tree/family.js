// The versions as a family: who grew from whom, which line goes straight on, how far a line runs.

/** @typedef {{id: string, parent: string | null}} Member */

/**
 * @template {Member} T
 */
export class Family {
  /** @type {Map<string, T>} */
  members = new Map();
  /** @type {Map<string, T[]>} Children by parent, oldest first. */
  children = new Map();
  /** @type {T[]} */
  roots = [];
  /** @type {Map<string, number>} The place in the order of making of the newest that grew from a member. */
  newest = new Map();
  /** @type {Map<string, number>} How many edits lie above, from 1 for a root. */
  depths = new Map();
  /** @type {Map<string, number>} How many grew from a member, itself counted. */
  sizes = new Map();

  /** @param {T[]} rows parents first */
  constructor(rows) {
    for (const row of rows) this.members.set(row.id, row);
    for (const row of rows) this.place(row);
    rows.forEach(({ id }, index) => {
      this.newest.set(id, index);
      this.sizes.set(id, 1);
    });
    for (const { id, parent } of [...rows].reverse()) if (parent && this.members.has(parent)) this.add(id, parent);
  }

  /** @param {T} row */
  place(row) {
    const parent = this.members.get(row.parent ?? "");
    this.depths.set(row.id, parent ? (this.depths.get(parent.id) ?? 0) + 1 : 1);
    if (!parent) this.roots.push(row);
    else if (this.children.has(parent.id)) this.children.get(parent.id)?.push(row);
    else this.children.set(parent.id, [row]);
  }

  /** What grew from a child grew from its parent too. @param {string} child @param {string} parent */
  add(child, parent) {
    this.newest.set(parent, Math.max(this.newest.get(parent) ?? 0, this.newest.get(child) ?? 0));
    this.sizes.set(parent, (this.sizes.get(parent) ?? 0) + (this.sizes.get(child) ?? 0));
  }

  /** @param {string} id */
  childrenOf(id) {
    return this.children.get(id) ?? [];
  }

  /** The child that goes straight on: the one from which the newest work grew. @param {string} id */
  next(id) {
    const children = this.childrenOf(id);
    const newest = this.newest.get(id);
    return children.find((child) => this.newest.get(child.id) === newest) ?? children.at(-1) ?? null;
  }

  /** The others, oldest first. @param {string} id */
  sides(id) {
    const children = this.childrenOf(id);
    if (children.length < 2) return [];
    const next = this.next(id);
    return children.filter((child) => child !== next);
  }

  /** From a member straight on to its end, or so far. @param {T} first @param {number} most */
  line(first, most = Number.POSITIVE_INFINITY) {
    const line = [];
    for (let at = /** @type {T | null} */ (first); at && line.length < most; at = this.next(at.id)) line.push(at);
    return line;
  }

  /** Every line, with the member that it leaves; the trunk of each root first, then what leaves it. */
  lines() {
    /** @type {{from: T | null, members: T[]}[]} */
    const lines = [];
    const waiting = this.roots.map((root) => ({ from: /** @type {T | null} */ (null), first: root })).reverse();
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const members = this.line(next.first);
      lines.push({ from: next.from, members });
      const sides = members.flatMap((member) => this.sides(member.id).map((first) => ({ from: member, first })));
      waiting.push(...sides.reverse());
    }
    return lines;
  }

  /** @param {string | null | undefined} id @returns {Set<string>} the member and all above it */
  above(id) {
    const path = new Set();
    for (let at = this.members.get(id ?? ""); at; at = this.members.get(at.parent ?? "")) path.add(at.id);
    return path;
  }
}
