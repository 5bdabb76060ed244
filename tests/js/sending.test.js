import assert from "node:assert/strict";
import { test } from "node:test";

import { aheadOf, post, send as sendFile, snapshot } from "../../assets/app/core/api.js";
import { emptyDraft } from "../../assets/app/core/draft.js";
import { DOUBLE_CLICK_MS, Sending } from "../../assets/app/core/sending.js";

const DRAFT = { ...emptyDraft(), instruction: "make the door red" };
const OFFLINE = { error: { kind: "Offline", message: "Away." } };
const TAKEN = { result: { jobs: ["job"] } };
const NOTHING = { result: { jobs: [] } };

/** A sender with a clock of its own, before a server that gives these answers one after the other. */
function desk(...answers) {
  let keys = 0;
  const clock = { now: 0 };
  const asked = [];
  const page = {
    store: { project: { id: "project" } },
    call: async (action, { key }) => {
      asked.push([action, key]);
      return answers.shift();
    },
  };
  const sending = new Sending(
    () => clock.now,
    () => `key-${++keys}`,
  );
  return { clock, asked, send: (draft = DRAFT, graceMs = 0) => sending.send(page, [draft], graceMs) };
}

test("what became of a lost answer is asked before anything is said", async () => {
  const { asked, send } = desk(OFFLINE, TAKEN);

  assert.deepEqual(await send(), TAKEN);
  assert.deepEqual(asked, [
    ["submit_all", "key-1"],
    ["sent", "key-1"],
  ]);
});

test("only what surely did not arrive is told as not sent", async () => {
  const lost = await desk(OFFLINE, NOTHING).send();
  const unknown = await desk(OFFLINE, OFFLINE).send();

  assert.match(lost.error.hint, /Nothing was sent/);
  assert.doesNotMatch(unknown.error.hint, /Nothing was sent/);
  assert.equal(unknown.error.kind, "Offline");
});

test("the same message has the same key until its fate is known, whatever it would now wait for", async () => {
  const { asked, send } = desk(OFFLINE, OFFLINE, TAKEN, TAKEN);

  await send();
  await send({ ...DRAFT, after: "job" });
  await send();

  assert.deepEqual(
    asked.map(([, key]) => key),
    ["key-1", "key-1", "key-1", "key-2"],
  );
});

test("a refused message and another one have keys of their own", async () => {
  const { asked, send } = desk({ error: { kind: "InvalidRequest", message: "No." } }, OFFLINE, OFFLINE, TAKEN);

  await send();
  await send();
  await send({ ...DRAFT, instruction: "make it blue" });

  assert.deepEqual(
    asked.map(([, key]) => key),
    ["key-1", "key-2", "key-2", "key-3"],
  );
});

test("the second click of a double click is the first one again, a later click is not", async () => {
  const { clock, asked, send } = desk(TAKEN, TAKEN, TAKEN, TAKEN);

  await Promise.all([send(DRAFT, DOUBLE_CLICK_MS), send(DRAFT, DOUBLE_CLICK_MS)]);
  clock.now = DOUBLE_CLICK_MS - 1;
  await send(DRAFT, DOUBLE_CLICK_MS);
  clock.now = 3 * DOUBLE_CLICK_MS;
  await send(DRAFT, DOUBLE_CLICK_MS);

  assert.deepEqual(
    asked.map(([, key]) => key),
    ["key-1", "key-1", "key-1", "key-2"],
  );
});

const answers = (body, status) => {
  globalThis.fetch = async () => new Response(typeof body === "string" ? body : JSON.stringify(body), { status });
};

test("a refusal without an error of ours is an error with words", async () => {
  answers({ detail: "Allow cookies for this page." }, 401);
  assert.equal((await post("submit_all", {})).error.message, "Allow cookies for this page.");
  answers({ detail: [{ loc: [] }] }, 422);
  assert.match((await post("submit_all", {})).error.message, /422/);
});

for (const [body, status] of [
  [{ message: "upstream timed out" }, 504],
  ["<html>Bad gateway</html>", 502],
  ["", 200],
]) {
  test(`an answer ${status} that nobody wrote for the page leaves open what became of the message`, async () => {
    answers(body, status);
    assert.equal((await post("submit_all", {})).error.kind, "Offline");
  });
}

for (const body of ["<html>413 Request Entity Too Large</html>", { detail: "too large" }]) {
  test(`a proxy that takes no large pictures is told as that: ${JSON.stringify(body)}`, async () => {
    answers(body, 413);
    const { error } = await sendFile(new File(["x"], "photo.jpg"), {});
    assert.match(error.message, /size/);
    assert.match(error.hint, /proxy/);
  });
}

test("half of a character does not make a message unreadable", async () => {
  /** @type {string[]} */
  const sent = [];
  globalThis.fetch = async (_, { body }) => {
    sent.push(body);
    return new Response("{}");
  };

  await post("submit_all", { drafts: [{ instruction: "a \ud83d hat \ude00 😀" }], usd: 1 });

  assert.deepEqual(JSON.parse(sent[0]), { drafts: [{ instruction: "a \ufffd hat \ufffd 😀" }], usd: 1 });
});

test("a clock that is wrong is known by the server's", async () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  assert.equal(aheadOf("Sun, 01 Mar 2026 11:00:00 GMT", now), 3_600_000);
  assert.equal(aheadOf("Sun, 01 Mar 2026 13:00:00 GMT", now), -3_600_000);
  for (const close of ["Sun, 01 Mar 2026 11:59:58 GMT", "soon", "", null]) assert.equal(aheadOf(close, now), 0);

  const response = new Response("{}", { headers: { date: new Date(Date.now() - 1e7).toUTCString() } });
  assert.ok((await snapshot(null, Promise.resolve(response))).ahead_ms > 9e6);
});
