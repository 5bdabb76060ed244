import assert from "node:assert/strict";
import { test } from "node:test";
import { found, rank } from "../../assets/app/parts/palette/found.js";
import { makePage, root, version } from "./page.js";

const ROWS = [
  { id: "project", title: "Here", version_count: 2, cover: null },
  { id: "p2", title: "Boats at Brightlingsea", version_count: 9, cover: "digest" },
];

function page() {
  const made = makePage({
    rows: [
      { ...root(), number: 1, instruction: "", source: { filename: "harbour.jpg" }, width: 9, height: 6 },
      version({ number: 2, instruction: "make it brighter", width: 9, height: 6 }),
    ],
  });
  made.show = (view) => made.asked.push(["show", view]);
  return made;
}

const labels = (groups, title) => groups.find((one) => one.title === title)?.choices.map(({ label }) => label) ?? [];

test("a text that begins with what was typed comes before one that holds it somewhere", () => {
  assert.equal(rank("compare with the version", "compare"), 0);
  assert.equal(rank("show or compare", "compare"), 1);
  assert.equal(rank("uncompared", "compare"), 2);
  assert.equal(rank("compare with the version", "version compare"), 1);
  assert.equal(rank("compare", "compare twice"), null);
});

test("one field finds commands, versions and projects", () => {
  const groups = found(page(), ROWS, "BRIGHT");
  assert.deepEqual(labels(groups, "Versions"), ["make it brighter"]);
  assert.deepEqual(labels(groups, "Projects"), ["Boats at Brightlingsea"]);
  assert.deepEqual(labels(found(page(), ROWS, "settings"), "Commands"), ["Settings"]);
  assert.deepEqual(labels(found(page(), ROWS, "v1"), "Versions"), ["harbour.jpg"]);
  assert.deepEqual(found(page(), ROWS, "there is no such thing"), []);
});

test("only what can be done now is offered", () => {
  const empty = labels(found(makePage({ rows: [] }), [], ""), "Commands");
  assert.ok(empty.includes("Settings"));
  assert.ok(!empty.includes("Paint a mask") && !empty.includes("Star"));
  assert.ok(labels(found(page(), [], ""), "Commands").includes("Star"));
  assert.ok(!labels(found(page(), [], ""), "Commands").includes("Commands, versions and projects"));
});

test("before anything is typed the newest versions and the other projects come first", () => {
  const groups = found(page(), ROWS, "");
  assert.deepEqual(
    groups.map(({ title }) => title),
    ["Versions", "Projects", "Commands"],
  );
  assert.deepEqual(labels(groups, "Versions"), ["make it brighter", "harbour.jpg"]);
  assert.deepEqual(labels(groups, "Projects"), ["Boats at Brightlingsea"], "not the one that is open");
});

test("what is chosen is done", () => {
  const made = page();
  found(made, ROWS, "harbour")[0].choices[0].run();
  found(made, ROWS, "boats")[0].choices[0].run();
  assert.deepEqual(made.asked, [
    ["show", "image"],
    ["call", "select", { version: "old" }],
    ["open", "p2"],
  ]);
});
