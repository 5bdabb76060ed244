import assert from "node:assert/strict";
import { test } from "node:test";
import { GALLERY, hide, JOB, menuOf, PAGE, PROJECT, VERSION } from "../../assets/app/core/commands.js";
import { commandFor, commandIn, keyOf, keyTable, labelOf, offered } from "../../assets/app/core/lookup.js";
import { job, makePage, root, version } from "./page.js";

const NOTHING_HELD = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
const event = (key, held = {}) => ({ ...NOTHING_HELD, key, ...held });
const find = (table, id) => table.find((command) => command.id === id);

/** What a key does on a page. */
function pressed(key, page, held = {}) {
  const command = commandFor(keyOf(event(key, held)), page);
  (command?.press ?? command?.run)?.(page);
  return page.asked;
}

test("every command has a name of its own and something that it does", () => {
  const all = [...PAGE, ...VERSION, ...GALLERY, ...JOB, ...PROJECT];
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  for (const { id, run, press } of all) assert.ok(run ?? press, id);
});

test("plus comes closer, minus goes away, nought fits, one shows actual pixels", () => {
  const zoomed = (key) => pressed(key, makePage())[0];
  assert.ok(zoomed("+")[2] > 1);
  assert.ok(zoomed("=")[2] > 1);
  assert.ok(zoomed("-")[2] < 1);
  assert.deepEqual(zoomed("0"), ["canvas", "fit"]);
  assert.deepEqual(zoomed("1"), ["canvas", "zoomTo", 1]);
});

test("brackets make the brush smaller and larger, while a mask is painted", () => {
  const painting = () => makePage({ mode: "mask" });
  assert.ok(pressed("[", painting())[0][2] < 1);
  assert.ok(pressed("]", painting())[0][2] > 1);
  assert.deepEqual(pressed("[", makePage()), []);
});

test("undo and redo go along the tree, and inside the mask while one is painted", () => {
  const held = { ctrlKey: true };
  assert.deepEqual(pressed("z", makePage(), held), [["call", "undo"]]);
  assert.deepEqual(pressed("Z", makePage(), { ...held, shiftKey: true }), [["call", "redo"]]);
  assert.deepEqual(pressed("z", makePage({ mode: "mask" }), held), [["canvas", "undoMask"]]);
  assert.deepEqual(pressed("Z", makePage({ mode: "mask" }), { metaKey: true, shiftKey: true }), [
    ["canvas", "redoMask"],
  ]);
});

test("Escape leaves a tool first, then stops the running edit of this version", () => {
  const running = [
    job({ id: "mine", parent: "new", state: "running" }),
    job({ id: "other", parent: "old", state: "running" }),
  ];
  assert.deepEqual(pressed("Escape", makePage({ mode: "compare", jobs: running })), [["canvas", "leave"]]);
  assert.deepEqual(pressed("Escape", makePage({ jobs: running })), [["call", "cancel", { job: "mine" }]]);
  assert.deepEqual(pressed("Escape", makePage()), []);
});

test("keys held with Alt belong to the system, and plain letters held with Ctrl to the browser", () => {
  assert.equal(keyOf(event("c", { altKey: true })), null);
  assert.deepEqual(pressed("c", makePage(), { ctrlKey: true }), []);
  assert.deepEqual(pressed("C", makePage()), [["canvas", "pressCompare"]]);
});

test("without a picture no tool is offered", () => {
  const page = makePage({ rows: [] });
  assert.deepEqual(
    offered(PAGE, "tools", page).map(({ id }) => id),
    ["redo"],
  );
  assert.deepEqual(pressed("m", page), []);
});

test("going on from a version selects that version", () => {
  const page = makePage();
  find(VERSION, "go-on").run(page, root());
  assert.deepEqual(page.asked, [["call", "select", { version: "old" }]]);
});

test("comparing with the current version compares the version of the menu", () => {
  const page = makePage();
  find(VERSION, "compare-with").run(page, root());
  assert.deepEqual(page.asked, [["dialogs", "compare", ["old", "new"]]]);
});

test("the current version is neither gone on from nor compared with itself", () => {
  const ids = (subject) => offered(VERSION, "menu", makePage(), subject).map(({ id }) => id);
  assert.ok(!ids(version()).includes("go-on") && !ids(version()).includes("compare-with"));
  assert.ok(ids(root()).includes("go-on") && ids(root()).includes("compare-with"));
  assert.ok(!ids(root()).includes("collapse"), "a root has no chain before it");
});

test("a star is given and taken", () => {
  for (const starred of [false, true]) {
    const page = makePage();
    find(VERSION, "star").run(page, version({ starred }));
    assert.deepEqual(page.asked, [["call", "star", { version: "new", starred: !starred }]]);
  }
});

test("a chain becomes one request on its first picture", () => {
  const steps = [
    version({ id: "a", instruction: "Add a hat." }),
    version({ id: "b", parent: "a", instruction: "make it red" }),
  ];
  const page = makePage({ rows: [root(), ...steps] });
  find(VERSION, "collapse").run(page, steps[1]);
  const draft = { instruction: "Add a hat. Then make it red", prompt: "", parent: "old" };
  assert.deepEqual(page.asked, [["composer", "take", draft]]);
});

test("hiding a branch can be taken back, and the current version comes back with it", async () => {
  const page = makePage();
  page.call = async (action, message) => {
    page.asked.push(["call", action, message]);
    if (action === "prune") page.store.applyPatch({ project: { ...page.store.project, head: "old" } });
    return { result: ["new"] };
  };
  await find(VERSION, "prune").run(page, version());
  const [, [, message, undo]] = page.asked;
  assert.equal(message, "One version hidden.");

  await undo.run();

  const taken = page.asked.slice(2).map(([, action, { version: id }]) => [action, id]);
  assert.deepEqual(taken, [
    ["restore_version", "new"],
    ["select", "new"],
  ]);
});

test("whoever has moved on since stays there when a hidden branch comes back", async () => {
  const page = makePage();
  page.call = async (action) => {
    page.asked.push(action);
    if (action === "prune") page.store.applyPatch({ project: { ...page.store.project, head: "old" } });
    if (action === "restore_version") page.store.applyPatch({ project: { ...page.store.project, head: "third" } });
    return { result: ["new"] };
  };
  await find(VERSION, "prune").run(page, version());
  await page.asked[1][2].run();

  assert.ok(!page.asked.includes("select"));
});

test("what goes with a branch above it is not hidden twice", async () => {
  const page = makePage();
  page.call = async (action, { version: id }) => {
    page.asked.push([action, id]);
    return { result: ["a", "b"] };
  };
  await hide(page, ["a", "b"]);
  assert.deepEqual(page.asked[0], ["prune", "a"]);
  assert.equal(page.asked[1][1], "2 versions hidden.");
});

test("undo and redo say what they are about", () => {
  const page = makePage();
  page.store.applyPatch({ project: { ...page.store.project, redo: "later" }, versions: [version({ id: "later" })] });
  assert.equal(labelOf(find(PAGE, "undo"), page), "Undo “make the door red”");
  assert.equal(labelOf(find(PAGE, "redo"), page), "Redo “make the door red”");
  page.store.applyPatch({ project: { ...page.store.project, head: "old", redo: null } });
  assert.equal(labelOf(find(PAGE, "undo"), page), "Undo");
});

test("in the gallery a key is for what is marked, and for the version under the focus while nothing is", () => {
  const page = makePage({ rows: [root(), version(), version({ id: "third" })] });
  const run = (key, gallery) => commandIn(GALLERY, key, page, gallery)?.run(page, gallery);
  run("C", { marked: [], active: root() });
  run("C", { marked: [version(), root()], active: null });
  run("D", { marked: [], active: root() });
  assert.deepEqual(page.asked, [
    ["dialogs", "compare", ["old", "third"]],
    ["dialogs", "compare", ["new", "old"]],
    ["dialogs", "downloadMany", [root()]],
  ]);
  assert.equal(commandIn(GALLERY, "C", page, { marked: [], active: version({ id: "third" }) }), null);
});

test("asking the provider asks, and only taking the card away takes it away", () => {
  const page = makePage();
  find(JOB, "ask-provider").run(page, job());
  find(JOB, "dismiss").run(page, job());
  assert.deepEqual(page.asked, [
    ["call", "check_again", { job: "job" }],
    ["call", "dismiss", { job: "job" }],
  ]);
});

test("a provider is only asked where it can be, and what was not understood is not sent again", () => {
  const ids = (fields) => offered(JOB, "job", makePage(), job(fields)).map(({ id }) => id);
  assert.ok(ids({}).includes("ask-provider") && ids({}).includes("send-again"));
  assert.ok(!ids({ can_check: false }).includes("ask-provider"));
  assert.ok(!ids({ failure: { kind: "NotUnderstood", capable_tier: "pro" } }).includes("send-again"));
});

test("a tier that can is named, and offered while it is ready", () => {
  const failed = job({ failure: { kind: "NotUnderstood", capable_tier: "pro" } });
  const page = makePage();
  assert.equal(labelOf(find(JOB, "send-to-capable"), page, failed), "Send to Pro");
  page.store.tiers = [{ ...page.store.tiers[0], chosen: null }];
  assert.ok(!offered(JOB, "job", page, failed).some(({ id }) => id === "send-to-capable"));
});

test("projects are duplicated, binned and restored by their id, and the list is read again", async () => {
  for (const [id, action] of Object.entries({
    "duplicate-project": "duplicate_project",
    "restore-project": "restore_project",
  })) {
    const page = makePage();
    await find(PROJECT, id).run(page, {
      row: { id: "other", title: "Same" },
      reload: async () => page.asked.push("reload"),
    });
    assert.deepEqual(page.asked, [["call", action, { project: "other" }], "reload"]);
  }
});

test("binning the open project opens another and can be taken back", async () => {
  const page = makePage();
  await find(PROJECT, "bin-project").run(page, { row: { id: "project", title: "Mine" }, reload: async () => {} });
  assert.deepEqual(
    page.asked.map(([what, how]) => [what, how]),
    [
      ["call", "delete_project"],
      ["toast", "“Mine” is in the bin."],
      ["open", null],
    ],
  );
});

test("every key of a command is in the table, once", () => {
  const shown = keyTable().map(([key]) => key);
  assert.equal(new Set(shown).size, shown.length);
  for (const key of [
    "Ctrl or ⌘ + Z",
    "Shift + Ctrl or ⌘ + Z",
    "C",
    "M",
    "[",
    "]",
    "+",
    "−",
    "0",
    "1",
    "/",
    "Esc",
    "?",
  ]) {
    assert.ok(shown.includes(key), key);
  }
  assert.deepEqual(
    keyTable().find(([key]) => key === "Esc"),
    ["Esc", "Leave a tool, or leave the full screen, or stop the running edit"],
  );
});

test("what comes out the same each time is not offered to be tried again, unless a seed was drawn", () => {
  const page = makePage();
  page.store.tiers = [
    { tier: "local", label: "Local", chosen: "basic", others: [], backends: [{ id: "basic", full_resolution: true }] },
  ];
  const offers = (outcome) => offered(VERSION, "turn", page, version({ outcome })).map(({ id }) => id);
  assert.ok(!offers({ backend: "basic", seed: null }).includes("retry"));
  assert.ok(offers({ backend: "basic", seed: 7 }).includes("retry"));
  assert.ok(offers({ backend: "bfl", seed: null }).includes("retry"));
});

test("what spends says what it costs, and other models are in the menu with their price", () => {
  const page = makePage();
  page.store.tiers = [
    { tier: "pro", label: "Pro", chosen: "bfl", others: [], backends: [{ id: "bfl", price_usd: 0.04 }] },
    { tier: "max", label: "Max", chosen: "bfl", others: [], backends: [{ id: "bfl", price_usd: 0.08 }] },
    { tier: "dev", label: "Dev", chosen: null, others: [], backends: [{ id: "bfl", price_usd: 0.02 }] },
  ];
  const made = version({ outcome: { backend: "bfl", seed: 7, price_usd: null } });
  const labels = menuOf(made, page).map((command) => labelOf(command, page, made));
  assert.deepEqual(labels.slice(0, 2), ["Send to Max · $0.08", "Try again with the same seed · $0.04"]);
  assert.equal(labelOf(find(VERSION, "retry"), page, made), "Try again with a new seed · $0.04");
  assert.ok(!labels.some((label) => label.startsWith("Send to Dev") || label.startsWith("Send to Pro")));
});
