import assert from "node:assert/strict";
import { test } from "node:test";
import { hinted } from "../../assets/app/parts/composer/hints.js";
import { typedValue } from "../../assets/app/parts/composer/parameters.js";
import { canGenerate } from "../../assets/app/parts/composer/tiers.js";
import { entriesOf } from "../../assets/app/parts/conversation/conversation.js";
import { job, makePage, root, version } from "./page.js";

test("a number is sent as it was typed", () => {
  for (const kind of ["int", "float"]) {
    assert.equal(typedValue({ kind }, "28"), 28);
    assert.equal(typedValue({ kind }, "0"), 0);
    assert.equal(typedValue({ kind }, ""), null);
    assert.equal(typedValue({ kind }, "many"), null);
  }
  assert.equal(typedValue({ kind: "float" }, "2.5"), 2.5);
  assert.equal(typedValue({ kind: "text" }, "28"), "28");
});

test("an edit that made no version stands after the version that it was for, oldest first", () => {
  const jobs = [
    job({ id: "late", parent: "old", created_at: "9" }),
    job({ id: "early", parent: "old", created_at: "3" }),
    job({ id: "from words", parent: null, created_at: "1" }),
    job({ id: "elsewhere", parent: "pruned" }),
  ];
  const { store } = makePage({ rows: [root(), version()], jobs });
  const shown = entriesOf(store).map(({ version: made, job: edit }) => (made ?? edit).id);
  assert.deepEqual(shown, ["old", "early", "late", "new", "from words"]);
});

test("a hint's parameters are added, but with another tier they are all there are", () => {
  const draft = { parameters: { seed: 1 } };
  assert.deepEqual(hinted(draft, { settings: { parameters: { guidance_scale: 3 } } }).parameters, {
    seed: 1,
    guidance_scale: 3,
  });
  assert.deepEqual(hinted(draft, { settings: { tier: "max", parameters: {} } }), { tier: "max", parameters: {} });
  assert.deepEqual(hinted(draft, { settings: { preserve: true } }), { preserve: true });
});

test("a picture can be made from words where the backend that would be asked makes them", () => {
  const { store } = makePage();
  const able = (chosen, ...backends) => {
    store.tiers = [{ tier: "local", label: "Local", chosen, backends }];
    store.draft.backend = null;
    return canGenerate(store);
  };
  const [edits, makes] = [
    { id: "a", ready: true, modes: ["edit"] },
    { id: "b", ready: true, modes: ["edit", "generate"] },
  ];
  assert.equal(able("a", edits), false);
  assert.equal(able("a", edits, makes), true);
  assert.equal(able("a", edits, { ...makes, ready: false }), false);
  assert.equal(able(null, { ...makes, ready: false }), true);
});
