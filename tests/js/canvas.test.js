import assert from "node:assert/strict";
import { test } from "node:test";
import * as geometry from "../../assets/app/elements/geometry.js";
import { invert, stroke } from "../../assets/app/elements/painting.js";
import { lastMask } from "../../assets/app/parts/canvas/mask_tools.js";
import { FakeContext } from "./dom.js";
import { REQUEST, root, version } from "./page.js";

const HERE = { x: 0, y: 0 };
const THERE = { x: 10, y: 5 };

test("the brush lays ink on and the eraser takes it off", () => {
  const context = new FakeContext();
  stroke(context, HERE, THERE, { width: 8, erases: false });
  stroke(context, HERE, THERE, { width: 8, erases: true });
  assert.deepEqual(
    context.drawn.map(({ how }) => how),
    ["source-over", "destination-out"],
  );
  assert.equal(context.globalCompositeOperation, "source-over");
  assert.equal(context.drawn[0].width, 8);
});

test("inverting turns ink into none and none into ink, everywhere", () => {
  const context = new FakeContext();
  invert(context, { width: 30, height: 20 });
  const [{ how, x, y, width, height }] = context.drawn;
  assert.deepEqual({ how, x, y, width, height }, { how: "xor", x: 0, y: 0, width: 30, height: 20 });
  assert.equal(context.globalCompositeOperation, "source-over");
});

test("turning the wheel away from oneself comes closer", () => {
  assert.ok(geometry.wheelFactor({ deltaY: -100, deltaMode: 0 }) > 1);
  assert.ok(geometry.wheelFactor({ deltaY: 100, deltaMode: 0 }) < 1);
  assert.ok(geometry.wheelFactor({ deltaY: 3, deltaMode: 1 }) < 1);
});

test("zooming keeps the spot under the pointer where it is", () => {
  const at = { x: 120, y: 80 };
  const before = { scale: 1, x: 20, y: 10 };
  const after = geometry.zoomed(before, 3, at, 0.1);
  const spot = (view) => (at.x - view.x) / view.scale;
  assert.equal(after.scale, 3);
  assert.equal(spot(after), spot(before));
  assert.equal(geometry.zoomed(before, 1000, at, 0.1).scale, geometry.MAX_SCALE);
  assert.equal(geometry.zoomed(before, 0, at, 0.1).scale, 0.1);
});

test("a small picture stays in the middle, a large one leaves no gap", () => {
  const stage = { width: 200, height: 100 };
  assert.deepEqual(geometry.settled({ scale: 1, x: 90, y: -9 }, { width: 100, height: 50 }, stage), {
    scale: 1,
    x: 50,
    y: 25,
  });
  const large = { width: 400, height: 400 };
  assert.deepEqual(geometry.settled({ scale: 1, x: 300, y: -900 }, large, stage), { scale: 1, x: 24, y: -324 });
});

test("the stored picture is loaded once the preview would be seen to be one", () => {
  const photo = { width: 4000, height: 3000 };
  assert.equal(geometry.needsFull(photo, 1, 1), true);
  assert.equal(geometry.needsFull(photo, 0.3, 1), false);
  assert.equal(geometry.needsFull(photo, 0.3, 2), true);
  assert.equal(geometry.needsFull({ width: 2000, height: 1500 }, 8, 2), false, "its preview is the picture itself");
});

test("a rectangle is the same from whichever corner, and inside the picture", () => {
  const picture = { width: 100, height: 80 };
  const [a, b] = [
    { x: 90, y: -7 },
    { x: 10.4, y: 60 },
  ];
  const expected = { x: 10, y: 0, width: 80, height: 60 };
  assert.deepEqual(geometry.rectangleBetween(a, b, picture), expected);
  assert.deepEqual(geometry.rectangleBetween(b, a, picture), expected);
});

test("a mask has the picture's size up to a limit", () => {
  assert.deepEqual(geometry.maskSize({ width: 640, height: 480 }, 4096), { width: 640, height: 480 });
  assert.deepEqual(geometry.maskSize({ width: 8192, height: 4096 }, 4096), { width: 4096, height: 2048 });
});

test("the last mask is the newest one that fits the picture", () => {
  const [small, large] = [
    { width: 10, height: 10 },
    { width: 20, height: 20 },
  ];
  const masked = (id, mask, size) => version({ id, ...size, request: { ...REQUEST, mask } });
  assert.equal(
    lastMask([root(), masked("a", "old", small), masked("b", "new", small), masked("c", null, small)]),
    "new",
  );
  assert.equal(
    lastMask([masked("a", "fits", small), masked("b", "other size", large), masked("c", null, small)]),
    "fits",
  );
  assert.equal(lastMask([root()]), null);
});
