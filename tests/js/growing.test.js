import assert from "node:assert/strict";
import { test } from "node:test";
import { grown } from "../../assets/app/elements/growing.js";

const SIDE = 21;

function painted(...places) {
  const alpha = new Uint8ClampedArray(SIDE * SIDE);
  for (const [x, y] of places) alpha[y * SIDE + x] = 255;
  return alpha;
}

const square = (from, to) =>
  painted(
    ...Array.from({ length: (to - from) ** 2 }, (_, n) => [
      from + (n % (to - from)),
      from + Math.floor(n / (to - from)),
    ]),
  );
const covers = (alpha) => alpha.reduce((sum, value) => sum + value, 0) / 255;

test("a point grows into a disc around it", () => {
  const disc = grown(painted([10, 10]), SIDE, SIDE, 5);
  assert.equal(disc[10 * SIDE + 15], 255);
  assert.equal(disc[10 * SIDE + 16], 0);
  assert.ok(disc[14 * SIDE + 14] < 128, "the corner is further away than the sides");
  assert.ok(Math.abs(covers(disc) - Math.PI * 30) < 12);
});

test("shrinking takes as much as growing gave", () => {
  const before = square(7, 14);
  const after = grown(grown(before, SIDE, SIDE, 3), SIDE, SIDE, -3);
  assert.deepEqual(
    Array.from(after, (value) => value > 127),
    Array.from(before, (value) => value > 127),
  );
});

test("what is smaller than it is shrunk by is gone, and an empty mask stays empty", () => {
  assert.equal(covers(grown(square(9, 11), SIDE, SIDE, -3)), 0);
  assert.equal(covers(grown(painted(), SIDE, SIDE, 4)), 0);
});

test("what reaches the picture's border stays there when it is shrunk", () => {
  const all = new Uint8ClampedArray(SIDE * SIDE).fill(255);
  assert.deepEqual(grown(all, SIDE, SIDE, -4), all);
});
