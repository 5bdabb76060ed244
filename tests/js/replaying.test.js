import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Replaying, replay } from "../../assets/app/parts/canvas/replaying.js";
import { job, makePage, root, version } from "./page.js";

const STEPS = ["one", "two", "three"].map((instruction) => ({ instruction }));

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

function begun() {
  const page = makePage({ rows: [root(), version({ id: "mine", parent: "old", instruction: "one" })] });
  page.store.ready = true;
  return { page, replaying: new Replaying(page, "mine", STEPS), put: (patch) => page.store.applyPatch(patch) };
}

const made = (id, parent, instruction) => ({ versions: [version({ id, parent, instruction })] });
const failed = (parent, instruction) => ({ jobs: [job({ id: `failed ${instruction}`, parent, instruction })] });
const toasts = ({ asked }) => asked.filter(([what]) => what === "toast").map(([, said]) => said);

test("all steps that were made are told at the end, once", () => {
  const { page, put } = begun();
  put(made("a", "mine", "one"));
  put(made("b", "a", "two"));
  assert.deepEqual(toasts(page), []);
  put(made("c", "b", "three"));
  put(made("d", "c", "three"));
  assert.deepEqual(toasts(page), ["All 3 steps are done."]);
});

test("a step that fails says which and that the rest was not sent, and one can go on without it", async () => {
  const { page, put } = begun();
  put(made("a", "mine", "one"));
  put({ jobs: [job({ id: "failed two", parent: "a", instruction: "two", state: "running" })] });
  assert.deepEqual(toasts(page), []);
  put(failed("a", "two"));
  assert.deepEqual(toasts(page), ["Step 2 of 3, “two”, made no picture. What follows was not sent."]);

  await page.asked.at(-1)[2].run();
  assert.deepEqual(page.asked.slice(-2), [
    ["call", "select", { version: "a" }],
    ["call", "replay", { version: "a", steps: [{ instruction: "three" }] }],
  ]);
});

test("what others do meanwhile is no step", () => {
  const { page, replaying, put } = begun();
  put(made("x", "mine", "something else"));
  put(failed("old", "one"));
  assert.equal(replaying.done, 0);
  assert.deepEqual(toasts(page), []);
});

test("a step that is refused before it begins is told too", () => {
  const { page, put } = begun();
  put(made("a", "mine", "one"));
  put(made("b", "a", "two"));
  mock.timers.tick(60_000);
  assert.deepEqual(toasts(page), ["Step 3 of 3, “three”, was not taken."]);
});

test("nothing is followed when the server takes none of it", async () => {
  const page = makePage();
  page.store.ready = true;
  page.call = async () => ({ error: { message: "No." } });
  await replay(page, "new", STEPS);
  page.store.applyPatch(failed("new", "one"));
  assert.deepEqual(toasts(page), []);
});
