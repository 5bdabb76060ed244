import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Notices } from "../../assets/app/parts/notices.js";

const JOB = { id: "job", instruction: "make the door red", created_at: "2026-03-01T12:00:00Z" };
const BEGAN = Date.parse(JOB.created_at);
const kept = new Map();

beforeEach(() => {
  kept.clear();
  globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
});

function surroundings({ permission = "granted", hidden = true, after_s = 12, answer = permission } = {}) {
  class Notification {
    static permission = permission;
    static shown = [];
    static asked = 0;

    static async requestPermission() {
      Notification.asked += 1;
      Notification.permission = answer;
    }

    constructor(title, options) {
      Object.assign(this, { title, ...options, close: () => null });
      Notification.shown.push(this);
    }
  }
  return { Notification, hidden: () => hidden, now: () => BEGAN + after_s * 1000 };
}

async function told(around) {
  const notices = new Notices(around);
  await notices.set(true);
  const shown = [];
  notices.tell(JOB, "Your edit is done", () => shown.push("shown"));
  for (const notice of around.Notification?.shown ?? []) notice.onclick();
  return [around.Notification?.shown.map(({ title, body }) => [title, body]) ?? [], shown];
}

test("a long edit that ends unseen is told, and a click shows it", async () => {
  assert.deepEqual(await told(surroundings()), [[["Your edit is done", "make the door red"]], ["shown"]]);
});

test("nothing is told while one looks, of a short edit, or without leave", async () => {
  for (const around of [
    surroundings({ hidden: false }),
    surroundings({ after_s: 9 }),
    surroundings({ permission: "denied" }),
    surroundings({ permission: "default", answer: "denied" }),
    { hidden: () => true, now: () => BEGAN + 60_000 },
  ]) {
    assert.deepEqual(await told(around), [[], []]);
  }
});

test("nobody is told who did not ask, or took it back", async () => {
  const around = surroundings();
  const notices = new Notices(around);
  notices.tell(JOB, "done", () => null);
  await notices.set(true);
  assert.equal(await notices.set(false), false);
  notices.tell(JOB, "done", () => null);
  assert.deepEqual(around.Notification.shown, []);
});

test("the browser is asked once, when it is switched on", async () => {
  const around = surroundings({ permission: "default", answer: "granted" });
  const notices = new Notices(around);
  assert.equal(notices.on, false);
  assert.equal(await notices.set(true), true);
  assert.equal(await notices.set(true), true);
  assert.equal(around.Notification.asked, 1);
});
