import assert from "node:assert/strict";
import { test } from "node:test";
import { counts, linesOf } from "../../assets/app/parts/queue/lines.js";
import { job, makePage } from "./page.js";

const RUNNING = { state: "running", failure: null, backend_label: "BFL", price_usd: 0.04, after: null };
const ELSEWHERE = {
  id: "far",
  project: "p2",
  project_title: "Boats",
  instruction: "add a sail",
  backend_label: "fal",
  state: "queued",
  waits: false,
  stage: "",
  fraction: null,
  queue_position: 2,
  price_usd: null,
  created_at: "2026-03-01T12:00:00+00:00",
};

test("what runs here comes before what runs elsewhere, and each says where it stands", () => {
  const jobs = [
    job({ ...RUNNING, id: "here", stage: "drawing", fraction: 0.5 }),
    job({ ...RUNNING, id: "next", state: "queued", after: "here", parent: null }),
    job({ id: "failed" }),
  ];
  const { store } = makePage({ jobs });
  store.elsewhere = [ELSEWHERE];
  const lines = linesOf(store);
  assert.deepEqual(
    lines.map(({ id, state, waiting, project }) => [id, state, waiting, project?.title]),
    [
      ["here", "Drawing · BFL", false, undefined],
      ["next", "Next, when the edit before it is done", true, undefined],
      ["far", "Place 2 in line · fal", true, "Boats"],
    ],
  );
  assert.equal(counts(lines), "1 running, 2 waiting");
  assert.equal(counts(lines.slice(0, 1)), "1 running");
  assert.equal(counts(lines.slice(1)), "2 waiting");
});

test("an edit of the project that was just opened is not listed twice", () => {
  const { store } = makePage({ jobs: [job({ ...RUNNING, id: "far" })] });
  store.elsewhere = [ELSEWHERE];
  assert.deepEqual(
    linesOf(store).map(({ id }) => id),
    ["far"],
  );
});
