import assert from "node:assert/strict";
import { test } from "node:test";
import { hinted } from "../../assets/app/parts/composer/hints.js";
import { typedValue } from "../../assets/app/parts/composer/parameters.js";
import { canGenerate, choices } from "../../assets/app/parts/composer/tiers.js";
import { entriesOf } from "../../assets/app/parts/conversation/conversation.js";
import { sorted } from "../../assets/app/parts/projects/projects.js";
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
  assert.deepEqual(hinted(draft, { settings: { tier: "max", parameters: {} } }), {
    tier: "max",
    model: "",
    parameters: {},
  });
  assert.deepEqual(hinted(draft, { settings: { preserve: true } }), { preserve: true });
});

test("a picture can be made from words where the backend that would be asked makes them", () => {
  const { store } = makePage();
  const able = (chosen, ...backends) => {
    store.tiers = [{ tier: "local", label: "Local", chosen, backends, others: [] }];
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

const NEWER = {
  model: "flux2-pro",
  label: "FLUX.2 [pro]",
  chosen: "bfl",
  backends: [{ id: "bfl", label: "BFL", ready: true, price_usd: 0.045, price_by_size: true, typical_s: 0 }],
};
const KONTEXT = { id: "bfl", label: "BFL", ready: true, price_usd: 0.04, typical_s: 6, takes_key: true };
const PRO = { tier: "pro", label: "Pro", chosen: "bfl", backends: [KONTEXT, { ...KONTEXT, id: "fal", label: "fal" }] };

test("a tier's usual model comes first, then those that are ready, with what they cost", () => {
  const listed = choices(
    { ...PRO, others: [NEWER, { ...NEWER, model: "far", chosen: null }] },
    { tier: "pro", model: "" },
  );
  assert.deepEqual(listed, [
    ["pro/", "Pro – $0.04, 6 s"],
    ["pro//flux2-pro", "FLUX.2 [pro] – from $0.045"],
    ["pro/bfl", "Pro · BFL – $0.04"],
    ["pro/fal", "Pro · fal – $0.04"],
  ]);
});

test("of the model that is picked it is listed who carries it, and it stays there when nobody is ready", () => {
  const two = {
    ...NEWER,
    chosen: null,
    backends: [...NEWER.backends, { ...NEWER.backends[0], id: "fal", ready: false }],
  };
  const values = choices({ ...PRO, others: [two] }, { tier: "pro", model: "flux2-pro" }).map(([value]) => value);
  assert.deepEqual(values, ["pro/", "pro//flux2-pro", "pro/bfl/flux2-pro", "pro/fal/flux2-pro"]);
});

test("another model is asked of those who carry it, the usual one also by its name", () => {
  const { store } = makePage();
  store.tiers = [{ ...PRO, others: [NEWER] }];
  store.setDraft({ tier: "pro", backend: null, model: "flux2-pro" });
  assert.equal(store.backend().price_usd, 0.045);
  store.setDraft({ model: "kontext-pro" });
  assert.equal(store.backend().price_usd, 0.04);
});

test("projects are ordered by what one looks for, and otherwise as they came", () => {
  const rows = [
    { title: "Shoot 10", version_count: 3, spent_usd: 0 },
    { title: "Shoot 9", version_count: 40, spent_usd: 0.1 },
    { title: "alps", version_count: 1, spent_usd: 4 },
  ];
  const titles = (order) => sorted(rows, order).map(({ title }) => title);
  assert.deepEqual(titles("changed"), ["Shoot 10", "Shoot 9", "alps"]);
  assert.deepEqual(titles("title"), ["alps", "Shoot 9", "Shoot 10"]);
  assert.deepEqual(titles("versions"), ["Shoot 9", "Shoot 10", "alps"]);
  assert.deepEqual(titles("spent"), ["alps", "Shoot 9", "Shoot 10"]);
});
