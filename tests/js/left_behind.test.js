import assert from "node:assert/strict";
import { test } from "node:test";

import { leaveBehind, takeUp } from "../../assets/app/core/left_behind.js";

const kept = new Map();
Object.defineProperty(globalThis, "sessionStorage", {
  value: {
    setItem: (key, value) => kept.set(key, value),
    getItem: (key) => kept.get(key) ?? null,
    removeItem: (key) => kept.delete(key),
  },
});

test("what was left in a project is taken up there, once", () => {
  leaveBehind("one", "make the door");

  assert.equal(takeUp("another"), null);
  assert.equal(takeUp("one"), "make the door");
  assert.equal(takeUp("one"), null);
});
