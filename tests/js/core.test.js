import assert from "node:assert/strict";
import { test } from "node:test";
import { Connection } from "../../assets/app/core/connection.js";
import { percent, price, seconds } from "../../assets/app/core/format.js";
import { clear, reconcile } from "../../assets/app/core/reconcile.js";
import { Store } from "../../assets/app/core/store.js";
import { FakeElement } from "./dom.js";
import { job, makePage, version } from "./page.js";

test("seconds are seconds up to a minute and a half", () => {
  const said = [null, 0.05, 0.42, 9, 9.94, 45, 89, 90, 200].map(seconds);
  assert.deepEqual(said, ["", "under 0.1 s", "0.4 s", "9 s", "9.9 s", "45 s", "89 s", "2 min", "3 min"]);
});

test("prices keep the digits that matter", () => {
  assert.deepEqual([null, 0, 0.025, 0.04, 0.5, 12].map(price), [
    "price known afterwards",
    "free",
    "$0.025",
    "$0.04",
    "$0.50",
    "$12.00",
  ]);
});

test("a small share is not nothing", () => {
  assert.deepEqual([undefined, 0, 0.004, 0.126, 1].map(percent), ["", "0%", "under 1%", "13%", "100%"]);
});

test("listeners hear of what they asked for, once for all changes of a frame", () => {
  const frames = [];
  const store = new Store((run) => frames.push(run));
  const heard = [];
  store.subscribe(["draft"], (changed) => heard.push([...changed].sort()));
  store.changed("draft");
  store.changed("jobs", "draft");
  assert.equal(frames.length, 1);
  frames.pop()();
  assert.deepEqual(heard, [["draft", "jobs"]]);
  store.changed("jobs");
  frames.pop()();
  assert.equal(heard.length, 1);
});

test("a change made while listeners are told is told in the next frame", () => {
  const frames = [];
  const store = new Store((run) => frames.push(run));
  store.subscribe(["look"], () => store.changed("draft"));
  store.changed("look");
  frames.pop()();
  assert.equal(frames.length, 1);
});

test("progress is merged into its job, and of an unknown job nothing is kept", () => {
  const { store } = makePage({ jobs: [job({ state: "running" })] });
  store.applyPatch({
    jobs: [
      { id: "job", fraction: 0.5 },
      { id: "unknown", fraction: 0.1 },
    ],
  });
  assert.equal(store.jobs.get("job").fraction, 0.5);
  assert.equal(store.jobs.get("job").instruction, "make the door red");
  assert.equal(store.jobs.size, 1);
});

test("a job goes with its version or with its dismissal", () => {
  const { store } = makePage({ jobs: [job({ id: "a" }), job({ id: "b" })] });
  store.applyPatch({ jobs: [job({ id: "a", dismissed: true }), job({ id: "b", state: "done", version: "new" })] });
  assert.equal(store.jobs.size, 0);
});

test("a patch of another project changes nothing", () => {
  const { store } = makePage();
  store.applyPatch({ project: { id: "another", head: null }, versions: [version({ id: "stranger" })] });
  assert.equal(store.project.id, "project");
  assert.equal(store.versions.has("stranger"), false);
});

test("the backend is the pinned one, else the one that the tier would choose", () => {
  const { store } = makePage();
  store.setDraft({ tier: "pro", backend: "fal" });
  assert.equal(store.backend().id, "fal");
  store.setDraft({ backend: null });
  assert.equal(store.backend().id, "bfl");
});

/** Streams that tell whether they are open and how they were asked for, and a clock that is moved by hand. */
function connected(seen = { hidden: false }) {
  const streams = [];
  const timers = new Map();
  let now = 0;
  let last = 0;
  const clock = {
    later: (run, ms) => {
      timers.set(++last, { run, at: now + ms });
      return last;
    },
    never: (timer) => timers.delete(timer),
  };
  const connect = (brief) => {
    const stream = { open: true, brief, close: () => Object.assign(stream, { open: false }) };
    streams.push(stream);
    return stream;
  };
  const connection = new Connection(connect, () => seen.hidden, clock);
  connection.restart();
  const pass = (seconds) => {
    now += seconds * 1000;
    for (const [timer, { run, at }] of [...timers]) {
      if (at > now) continue;
      timers.delete(timer);
      run();
    }
  };
  /** Sixteen seconds of a stream that pings. */
  const passAlive = () => {
    for (let second = 0; second < 16; second += 2) {
      connection.heard();
      pass(2);
    }
  };
  return { connection, streams, pass, passAlive };
}

test("a tab that was never seen takes no connection, and takes one when it is seen", () => {
  const seen = { hidden: true };
  const { connection, streams, pass } = connected(seen);
  pass(3600);
  assert.equal(streams.length, 0);
  seen.hidden = false;
  connection.visibility(false);
  assert.equal(streams.length, 1);
});

test("a stream that something holds back is asked for in short answers, and stays so", () => {
  const { connection, streams, pass } = connected();
  pass(6);
  connection.restart();
  assert.deepEqual(
    streams.map(({ open, brief }) => [open, brief]),
    [
      [false, false],
      [false, true],
      [true, true],
    ],
  );
});

test("a stream that is alive stays, and one that has fallen silent is begun anew", () => {
  const { connection, streams, pass } = connected();
  for (let ping = 0; ping < 20; ping++) {
    connection.heard();
    pass(5);
  }
  assert.equal(streams.length, 1);
  pass(13);
  assert.deepEqual(
    streams.map(({ open, brief }) => [open, brief]),
    [
      [false, false],
      [true, false],
    ],
  );
});

test("a program that is away is not taken for a proxy that holds back", () => {
  const { connection, streams, pass } = connected();
  for (let error = 0; error < 5; error++) {
    pass(2);
    connection.lost(false);
  }
  connection.lost(true);
  pass(2);
  assert.deepEqual(
    streams.map(({ open, brief }) => [open, brief]),
    [
      [false, false],
      [true, false],
    ],
  );
});

test("an answer that comes after the stream has told of it is old, and one before it does not stand for the stream", () => {
  const { store } = makePage();
  store.applyAnswer({ revision: 5, jobs: [job({ id: "new", state: "queued" })] });
  assert.equal(store.jobs.get("new").state, "queued");
  assert.ok(store.revision < 5);
  store.applyPatch({ revision: 6, jobs: [job({ id: "new", state: "done", version: "made" })] });
  store.applyAnswer({ revision: 5, jobs: [job({ id: "new", state: "queued" })] });
  assert.equal(store.jobs.has("new"), false);
});

test("a tab that nobody sees gives its connection back after a while, and takes one when it is seen again", () => {
  const { connection, streams, passAlive } = connected();
  connection.visibility(true);
  assert.equal(streams[0].open, true);
  passAlive();
  assert.equal(streams[0].open, false);
  connection.visibility(false);
  assert.deepEqual(
    streams.map(({ open }) => open),
    [false, true],
  );
});

test("a tab that is only hidden for a moment keeps its connection", () => {
  const { connection, streams, passAlive } = connected();
  connection.visibility(true);
  connection.visibility(false);
  passAlive();
  assert.deepEqual(
    streams.map(({ open }) => open),
    [true],
  );
});

test("another project closes the stream of the one before", () => {
  const { connection, streams } = connected();
  connection.restart();
  assert.deepEqual(
    streams.map(({ open }) => open),
    [false, true],
  );
});

const draw = ({ id }) => new FakeElement(id);
const key = ({ id }) => id;
const rows = (...ids) => ids.map((id) => ({ id }));
const names = (list) => list.children.map(({ name }) => name);

test("elements whose rows stay are the same elements, in the order of the rows", () => {
  const list = new FakeElement();
  reconcile(list, rows("a", "b", "c"), { key, draw });
  const [, b, c] = list.children;
  reconcile(list, rows("b", "c", "d"), { key, draw });
  assert.deepEqual(names(list), ["b", "c", "d"]);
  assert.ok(list.children[0] === b && list.children[1] === c);
  reconcile(list, rows("d", "b"), { key, draw });
  assert.deepEqual(names(list), ["d", "b"]);
});

test("nothing is moved when nothing has changed", () => {
  const list = new FakeElement();
  reconcile(list, rows("a", "b"), { key, draw });
  const { moves } = list;
  reconcile(list, rows("a", "b"), { key, draw });
  reconcile(list, rows("b"), { key, draw });
  assert.equal(list.moves, moves);
});

test("an element is drawn again when its stamp changes, and refreshed each time", () => {
  const list = new FakeElement();
  const refreshed = [];
  const recipe = { key, draw, stamp: ({ stamp }) => stamp, refresh: (element) => refreshed.push(element) };
  reconcile(list, [{ id: "a", stamp: "1" }], recipe);
  const [before] = list.children;
  reconcile(list, [{ id: "a", stamp: "2" }], recipe);
  assert.notEqual(list.children[0], before);
  assert.equal(list.children.length, 1);
  assert.deepEqual(refreshed, [before, list.children[0]]);
});

test("a cleared list begins anew", () => {
  const list = new FakeElement();
  reconcile(list, rows("a"), { key, draw });
  clear(list);
  reconcile(list, rows("a"), { key, draw });
  assert.deepEqual(names(list), ["a"]);
});
