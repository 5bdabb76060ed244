import assert from "node:assert/strict";
import { test } from "node:test";
import { JOB, VERSION } from "../../assets/app/core/commands.js";
import { afterSending, emptyDraft, takeBack, toDraft, withInstruction } from "../../assets/app/core/draft.js";
import { job, makePage, REQUEST, root, version } from "./page.js";

const EXPECTED = { ...REQUEST, parent: "old", from_text: false, after: null };
/** Which picture is meant, and not what is asked of it. */
const WHERE = ["from_text", "after"];
const command = (table, id) => table.find((one) => one.id === id);

/** The draft that a command sends or gives to the composer. */
async function draftOf(table, id, subject) {
  const page = makePage();
  await command(table, id).run(page, subject);
  const [part, , argument] = page.asked[0];
  return part === "call" ? argument.drafts[0] : argument;
}

test("a request in these tests fills every field of a draft with something of its own", () => {
  for (const [name, usual] of Object.entries(emptyDraft())) {
    if (!WHERE.includes(name)) assert.notDeepEqual(EXPECTED[name], usual, name);
  }
});

for (const name of Object.keys(emptyDraft())) {
  test(`${name} is repeated by retry, same seed, send again, edit and resend, and putting the prompt back`, async () => {
    const ways = [
      [VERSION, "retry", version({ outcome: { seed: null } })],
      [VERSION, "same-seed", version()],
      [VERSION, "resend", version()],
      [JOB, "send-again", job()],
      [JOB, "put-back", job()],
    ];
    for (const [table, id, subject] of ways) {
      assert.deepEqual((await draftOf(table, id, subject))[name], EXPECTED[name], `${id} lost ${name}`);
    }
  });
}

test("a new seed changes nothing but the seed", async () => {
  const draft = await draftOf(VERSION, "retry", version());
  assert.deepEqual(draft, { ...toDraft(version()), parameters: { ...REQUEST.parameters, seed: null } });
});

test("the same seed is the one that was used, not the one that was asked for", async () => {
  const draft = await draftOf(VERSION, "same-seed", version({ outcome: { seed: 99 } }));
  assert.equal(draft.parameters.seed, 99);
});

test("another tier is served by whoever serves it there, with its own settings", async () => {
  const failed = job({ failure: { kind: "NotUnderstood", capable_tier: "local" } });
  const draft = await draftOf(JOB, "send-to-capable", failed);
  assert.deepEqual(draft, { ...toDraft(failed), tier: "local", backend: null, model: "", parameters: {} });
});

test("what was made from words alone is made from words alone again", () => {
  assert.equal(toDraft(version({ parent: null, request: { ...REQUEST, input_image: null } })).from_text, true);
  assert.equal(toDraft(version()).from_text, false);
});

test("a draft holds no more than its fields", () => {
  assert.deepEqual(Object.keys(toDraft(version())).sort(), Object.keys(emptyDraft()).sort());
  assert.deepEqual(toDraft(root()), emptyDraft());
});

test("wording of one's own goes with the instruction that it was written for", () => {
  const draft = { ...emptyDraft(), instruction: "a", prompt: "b" };
  assert.equal(withInstruction(draft, "a").prompt, "b");
  assert.equal(withInstruction(draft, "c").prompt, "");
});

test("after sending, what belonged to the message is gone and the rest stays chosen", () => {
  const left = afterSending(toDraft(version()));
  for (const name of ["instruction", "prompt", "references", "mask", "region", "parent", ...WHERE]) {
    assert.deepEqual(left[name], emptyDraft()[name], name);
  }
  for (const name of ["tier", "backend", "model", "lock", "feather_px", "preserve", "keep_character", "parameters"]) {
    assert.deepEqual(left[name], REQUEST[name], name);
  }
});

test("a refused draft comes back whole, before what was typed meanwhile", () => {
  const refused = toDraft(version());
  const now = { ...afterSending(refused), instruction: "and the sky blue" };
  assert.deepEqual(takeBack(now, refused), { ...refused, instruction: "make the door red\nand the sky blue" });
});
