import assert from "node:assert/strict";
import { test } from "node:test";

import { emptyDraft } from "../../assets/app/core/draft.js";
import { leaveBehind, sentAndUnknown, takeUp } from "../../assets/app/core/left_behind.js";
import { Sending } from "../../assets/app/core/sending.js";

const kept = new Map();
Object.defineProperty(globalThis, "sessionStorage", {
  value: {
    setItem: (key, value) => kept.set(key, value),
    getItem: (key) => kept.get(key) ?? null,
    removeItem: (key) => kept.delete(key),
  },
});

test("what is typed in a project is taken up there in the same tab, however often it is loaded", () => {
  leaveBehind("one", "make the door");

  assert.equal(takeUp("another"), null);
  assert.equal(takeUp("one"), "make the door");
  assert.equal(takeUp("one"), "make the door");
});

test("a tab without words of its own takes those that the server has", () => {
  leaveBehind("one", "make the door");
  leaveBehind("one", "");

  assert.equal(takeUp("one"), null);
});

test("what somebody else wrote there is not taken for words", () => {
  for (const garbage of ["{", "5", '"text"', '{"project": "one", "text": 5}', "[[1]]"]) {
    kept.set("kx-left-behind", garbage);
    kept.set("kx-sent", garbage);
    assert.equal(takeUp("one"), null);
    assert.deepEqual(sentAndUnknown(), []);
  }
});

/** A page that answers with what became of its messages, with what is in its box. */
function pageWith(jobs, instruction = "") {
  const page = {
    asked: [],
    store: {
      project: { id: "one" },
      draft: { ...emptyDraft(), instruction },
      setDraft: (fields) => Object.assign(page.store.draft, fields),
    },
    call: async (action, message) => {
      page.asked.push([action, message.key]);
      return action === "sent" ? { result: { jobs } } : { error: { kind: "Offline", message: "Away." } };
    },
    composer: { take: (draft) => Object.assign(page.store.draft, draft) },
  };
  return page;
}

/** What a page sent and never heard of. */
async function sentAndLeft(draft, others = {}) {
  kept.clear();
  const page = pageWith([]);
  page.call = () => new Promise(() => {});
  new Sending(
    () => 0,
    () => "first-key",
  ).send({ ...page, ...others }, [draft]);
}

const DRAFT = { ...emptyDraft(), instruction: "make the door red", mask: "a-mask" };

test("a message that the page was left with is asked about, and is in the box again if it did not arrive", async () => {
  await sentAndLeft(DRAFT);
  const page = pageWith([], "what was typed meanwhile");
  const sending = new Sending();

  await sending.recover(page);
  await sending.send(page, [DRAFT]);

  assert.equal(page.store.draft.instruction, "make the door red\nwhat was typed meanwhile");
  assert.equal(page.store.draft.mask, "a-mask");
  assert.ok(page.asked.every(([, key]) => key === "first-key"));
});

test("a message that did arrive is not in the box, and the next one like it is another", async () => {
  await sentAndLeft(DRAFT);
  const page = pageWith(["job"], "make the door red");
  const sending = new Sending();

  await sending.recover(page);
  await sending.send(page, [DRAFT]);

  assert.equal(page.store.draft.instruction, "");
  assert.notEqual(page.asked.find(([action]) => action === "submit_all")[1], "first-key");
});

test("a message that came back before the page was left is not in the box twice", async () => {
  await sentAndLeft(DRAFT);
  const page = pageWith([], "make the door red");

  await new Sending().recover(page);

  assert.equal(page.store.draft.instruction, "make the door red");
});

test("messages of another project wait for it", async () => {
  await sentAndLeft(DRAFT, { store: { project: { id: "another" } } });
  const page = pageWith([]);

  await new Sending().recover(page);

  assert.deepEqual(page.asked, []);
});
