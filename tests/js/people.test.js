// What people bring: keyboards of other scripts, clipboards of office programs, drops from other windows, words from
// right to left.
import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOf } from "../../assets/app/core/lookup.js";
import { broughtBy, DIGEST_TYPE } from "../../assets/app/core/transfer.js";
import { cut, isolated } from "../../assets/app/core/versions.js";

const held = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
const pressed = (key, code, more = {}) => keyOf({ ...held, key, code, ...more });

test("a shortcut is where its letter is, whatever script the keyboard writes", () => {
  assert.equal(pressed("я", "KeyZ", { ctrlKey: true }), "Mod+Z"); // Russian
  assert.equal(pressed("Я", "KeyZ", { ctrlKey: true, shiftKey: true }), "Shift+Mod+Z");
  assert.equal(pressed("ζ", "KeyZ", { metaKey: true }), "Mod+Z"); // Greek
  assert.equal(pressed("ز", "KeyC"), "C"); // Arabic
  assert.equal(pressed("ב", "KeyC"), "C"); // Hebrew
  assert.equal(pressed("١", "Digit1"), "1");
  assert.equal(pressed("х", "BracketLeft"), "[");
});

test("Latin keyboards keep their letters where they are printed", () => {
  assert.equal(pressed("z", "KeyY", { ctrlKey: true }), "Mod+Z"); // German
  assert.equal(pressed("z", "KeyW", { ctrlKey: true }), "Mod+Z"); // French
  assert.equal(pressed("c", "KeyI"), "C"); // Dvorak
  assert.equal(pressed("ö", "Semicolon"), "Ö");
  assert.equal(pressed("/", "Digit7", { shiftKey: true }), "/");
  assert.equal(pressed("Escape", "Escape"), "Escape");
});

const transfer = (files, texts = {}) => ({
  files: files.map((name) => ({ name })),
  types: Object.keys(texts),
  getData: (type) => texts[type] ?? "",
});
const brought = (...parts) => {
  const { files, text, address } = broughtBy(transfer(...parts));
  return [files.map(({ name }) => name), text, address];
};

test("cells and words of office programs are words, not the picture of them that comes along", () => {
  const cells = { "text/plain": "sky\tblue\r\ndoor\tred", "text/html": "<table>" };
  assert.deepEqual(brought(["image.png"], cells), [[], "sky\tblue\r\ndoor\tred", false]);
});

test("a picture is a picture, with its name or its address beside it", () => {
  assert.deepEqual(brought(["image.png"], { "text/html": "<img>" }), [["image.png"], "", false]);
  assert.deepEqual(brought(["a.png", "b.png"], { "text/plain": "a.png\nb.png" }), [["a.png", "b.png"], "", false]);
  assert.deepEqual(brought(["a.png"], { "text/plain": "/photos/a.png" }), [["a.png"], "", false]);
  assert.deepEqual(brought(["a.png"], { "text/plain": "https://x.example/a.png" }), [["a.png"], "", false]);
  assert.deepEqual(brought(["a"]), [["a"], "", false]);
});

test("a picture dragged from another window may be an address alone, and that is told", () => {
  assert.deepEqual(brought([], { "text/uri-list": "https://x.example/a.png" }), [[], "", true]);
  assert.deepEqual(brought([], { "text/plain": "https://x.example/a.png" }), [[], "", true]);
  assert.deepEqual(brought([], { "text/plain": "make it https://x.example" }), [
    [],
    "make it https://x.example",
    false,
  ]);
});

test("a version dragged within the page is none of these", () => {
  assert.deepEqual(brought([], { [DIGEST_TYPE]: "digest", "text/uri-list": "http://here/image" }), [[], "", false]);
});

test("words from right to left stand apart from the sentence around them", () => {
  assert.equal(isolated("שנה את הצבע"), "\u2068שנה את הצבע\u2069");
  assert.equal(isolated("make it red"), "make it red");
  assert.equal(cut("اجعل السماء زرقاء", 9), "\u2068اجعل الس…\u2069");
});

test("no half of a character is left where a text is cut", () => {
  assert.equal(cut("ab🙂cd", 4), "ab…");
});
