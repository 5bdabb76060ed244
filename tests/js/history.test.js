import assert from "node:assert/strict";
import { test } from "node:test";
import { differsBy, facts } from "../../assets/app/core/versions.js";
import { facets, itemsOf, linesOf, NO_FILTER, passes, sections } from "../../assets/app/parts/gallery/model.js";
import { Family } from "../../assets/app/parts/tree/family.js";
import { fold, hits } from "../../assets/app/parts/tree/finding.js";
import { moved } from "../../assets/app/parts/tree/moves.js";
import { outline } from "../../assets/app/parts/tree/outline.js";
import { RowsInView } from "../../assets/app/parts/tree/rows_in_view.js";
import { job, makePage, version } from "./page.js";

/** Versions by their ids, "child<parent", in the order of making. */
function grown(...links) {
  return links.map((link, index) => {
    const [id, parent = null] = link.split("<");
    const made = { id, parent, number: index + 1, created_at: String(index).padStart(4, "0"), instruction: `do ${id}` };
    return version({ name: null, source: null, request: null, outcome: null, ...made });
  });
}

const chain = (count) => grown("v0", ...Array.from({ length: count - 1 }, (_, at) => `v${at + 1}<v${at}`));
const NOTHING = { head: null, kept: new Set(), opened: new Set(), jobs: [] };
const shown = (rows, wanted) =>
  outline(new Family(rows), { ...NOTHING, ...wanted }).map(({ key, from }) => `${"-".repeat(from.length)}${key}`);

test("the line with the newest version goes straight on, and others are branches beside it", () => {
  const rows = grown("root", "first<root", "second<root", "deep<second");
  assert.deepEqual(shown(rows), ["root", "-first", "second", "deep"]);
  assert.deepEqual(shown([...rows, ...grown("x", "x", "x", "x", "late<first").slice(4)]), [
    "root",
    "-second",
    "first",
    "late",
  ]);
});

test("a branch is one row until it is opened, unless the current version is in it", () => {
  const rows = grown("root", "side<root", "deep<side", "main<root");
  assert.deepEqual(shown(rows), ["root", "-side", "main"]);
  const [, side] = outline(new Family(rows), NOTHING);
  assert.deepEqual([side.open, side.more, side.side], [false, 1, true]);
  assert.deepEqual(shown(rows, { opened: new Set(["side"]) }), ["root", "-side", "-deep", "main"]);
  assert.deepEqual(shown(rows, { head: "deep" }), ["root", "-side", "-deep", "main"]);
});

test("a straight run is folded, but for its ends and what is near the current version", () => {
  const rows = chain(20);
  assert.deepEqual(shown(rows, { head: "v19" }), ["v0", "fold-v1", "v17", "v18", "v19"]);
  const folds = outline(new Family(rows), { ...NOTHING, head: "v10" }).filter(({ kind }) => kind === "fold");
  assert.deepEqual(
    folds.map(({ hidden }) => hidden.map(({ id }) => id)),
    [
      ["v1", "v2", "v3", "v4", "v5", "v6", "v7"],
      ["v13", "v14", "v15", "v16", "v17"],
    ],
  );
  assert.equal(shown(rows, { head: "v19", opened: new Set(["v1"]) }).length, 20);
  assert.equal(shown(chain(6)).length, 6, "a short history is not folded");
});

test("stars, names, branches and running edits are never folded away", () => {
  const rows = chain(20);
  rows[4].starred = true;
  rows[9].name = "the one";
  rows.push(...grown(...Array(20).fill("x"), "side<v13").slice(20));
  rows.push(...grown(...Array(21).fill("x"), "v20<v19").slice(21));
  const keys = shown(rows, { jobs: [job({ id: "running", parent: "v7" })] });
  for (const key of ["v4", "v9", "v13", "-side", "v7", "-running"]) assert.ok(keys.includes(key), key);
});

test("every version is in the list, in a row or in a fold", () => {
  const rows = grown("a", "b<a", "c<b", "d<b", "e<a", "f<e", "g", "h<g", "i<f", "j<f");
  const opened = new Set(rows.map(({ id }) => id));
  assert.deepEqual(
    outline(new Family(rows), { ...NOTHING, opened })
      .map(({ key }) => key)
      .sort(),
    [..."abcdefghij"],
  );
});

test("two thousand versions one after the other are laid out without running out of stack", () => {
  assert.equal(shown(chain(2000), { head: "v1000" }).length, 10);
});

test("a branch says what it did that the way beside it did not", () => {
  const did = (...texts) => texts.map((instruction) => ({ instruction, source: null }));
  assert.equal(differsBy(did("Snow.", "warmer"), did("warmer")), "Snow");
  assert.equal(differsBy(did("a", "b", "c", "d", "e"), []), "a, b, c and 2 more");
  assert.equal(differsBy(did("same"), did("Same")), "");
});

test("facts are the name, and the price where something was paid", () => {
  const [made] = grown("a");
  assert.equal(
    facts({ ...made, name: "Sunny", outcome: { price_usd: 0.04, backend_label: "BFL" } }),
    "“Sunny” · $0.04",
  );
});

test("a search finds words in any order, numbers, stars, models and failed edits", () => {
  const rows = grown("a", "b<a", "c<b");
  rows[1].outcome = { description: "Warmed by 25%.", tier: "max", model: "kontext-max", backend_label: "BFL" };
  rows[2].starred = true;
  const { store } = makePage({ rows, jobs: [job({ instruction: "Café at night" })] });
  const found = (text) => hits(store, fold(text)).map(({ key }) => key);
  assert.deepEqual(found("25% WARMED"), ["b"]);
  assert.deepEqual(found("max"), ["b"]);
  assert.deepEqual(found("★"), ["c"]);
  assert.deepEqual(found("v1"), ["a"], "v1 is not v10");
  assert.deepEqual(found("cafe failed"), ["job"]);
  assert.deepEqual(found("do"), ["c", "b", "a"], "the newest first");
});

test("keys lead along a list and stop at its ends", () => {
  assert.equal(moved("ArrowDown", 1, 3, 10), 2);
  assert.equal(moved("ArrowDown", 2, 3, 10), 2);
  assert.equal(moved("PageUp", 2, 3, 10), 0);
  assert.equal(moved("End", 0, 3, 10), 2);
  assert.equal(moved("x", 0, 3, 10), null);
});

test("only rows in view are drawn, and one that is in view is not scrolled to", () => {
  const rows = new RowsInView();
  rows.measure(Array(1000).fill(100));
  const [first, last] = rows.range(50_000, 500);
  assert.ok(first > 490 && first <= 500 && last >= 505 && last < 515);
  assert.equal(rows.reveal(502, 50_000, 500), 50_000);
  assert.equal(rows.reveal(505, 50_000, 500), 50_100);
  assert.equal(rows.reveal(499, 50_000, 500), 49_900);
  assert.equal(rows.reveal(0, 50_000, 500), 0);
  rows.measure([]);
  assert.deepEqual(rows.range(0, 500), [0, 0]);
});

test("the gallery's filters are all kept to, and are counted", () => {
  const rows = grown("a", "b<a", "c<b");
  rows[1].starred = true;
  Object.assign(rows[1], { request: { mask: "m" }, outcome: { tier: "pro", model: "x" } });
  Object.assign(rows[2], { outcome: { tier: "max", model: "y" } });
  const items = itemsOf(rows, [job()]);
  const keys = (filter) => items.filter(passes({ ...NO_FILTER, ...filter })).map(({ key }) => key);
  assert.deepEqual(keys({}), ["a", "b", "c", "job"]);
  assert.deepEqual(keys({ starred: true }), ["b"]);
  assert.deepEqual(keys({ masked: true }), ["b", "job"]);
  assert.deepEqual(keys({ failed: true }), ["job"]);
  assert.deepEqual(keys({ tier: "pro" }), ["b", "job"]);
  assert.deepEqual(keys({ model: "y" }), ["c"]);
  assert.deepEqual(keys({ text: "do c" }), ["c"]);
  assert.deepEqual(keys({ tier: "pro", starred: true, text: "do c" }), []);
  const found = facets(items);
  assert.deepEqual([found.starred, found.masked, found.failed, found.tiers.get("pro")], [1, 2, 1, 2]);
});

test("lanes are the lines of the tree, failed edits stand where they began", () => {
  const rows = grown("root", "side<root", "main<root", "end<main");
  const items = itemsOf(rows, [job({ parent: "main" })]);
  const made = sections("branches", items, new Family(rows), "newest");
  assert.deepEqual(
    made.map((section) => section.items.map(({ key }) => key)),
    [["root", "main", "job", "end"], ["side"]],
  );
  assert.match(made[1].about(), /leaves v1 “do root” · 1 version · differs by do side/);
});

test("a long branch shows its end until all of it is asked for; grid and timeline show everything, in order", () => {
  const rows = chain(10);
  const items = itemsOf(rows, []);
  const lanes = sections("branches", items, new Family(rows), "newest");
  const [head, first, second] = linesOf(lanes, 3, () => false);
  assert.deepEqual([head.hidden, head.foldable], [4, true]);
  assert.deepEqual(
    [...first.items, ...second.items].map(({ key }) => key),
    ["v4", "v5", "v6", "v7", "v8", "v9"],
  );
  assert.equal(linesOf(lanes, 3, () => true).length, 5);
  const grid = sections("grid", items, new Family(rows), "newest");
  assert.deepEqual(
    linesOf(grid, 4, () => false).map(({ kind }) => kind),
    ["cells", "cells", "cells"],
  );
  assert.equal(grid[0].items[0].key, "v9");
});
