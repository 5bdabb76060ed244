import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyDraft } from "../../assets/app/core/draft.js";
import { draftFor, readyModels, total } from "../../assets/app/parts/composer/several.js";

const TIERS = [
  { tier: "pro", label: "Pro", chosen: "bfl", others: [{ model: "flux2", label: "FLUX.2", chosen: "fal" }] },
  { tier: "max", label: "Max", chosen: null, others: [{ model: "flux3", label: "FLUX 3", chosen: null }] },
];

test("only what is ready can be asked", () => {
  assert.deepEqual(
    readyModels({ tiers: TIERS }).map(({ label }) => label),
    ["Pro", "FLUX.2"],
  );
});

test("settings stay with the model that they were made for", () => {
  const draft = { ...emptyDraft(), tier: "pro", backend: "bfl", parameters: { seed: 3 }, mask: "m" };
  assert.equal(draftFor(draft, { tier: "pro", model: "" }), draft);
  const other = draftFor(draft, { tier: "pro", model: "flux2" });
  assert.deepEqual([other.model, other.backend, other.parameters, other.mask], ["flux2", null, {}, "m"]);
});

test("the sum says what is not known yet", () => {
  assert.equal(total([0.04, 0.08]), "$0.12");
  assert.equal(total([0, 0]), "free");
  assert.equal(total([0.04, null]), "$0.04 and what is known afterwards");
  assert.equal(total([null]), "what is known afterwards");
});
