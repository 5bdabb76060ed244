// The keys and what they do.

import { dialogOf } from "../../core/dialog.js";
import { h } from "../../core/dom.js";
import { keyTable } from "../../core/lookup.js";

const ABOUT =
  "Every result is kept as a version in the tree. Undo and redo only move along it; editing an earlier version grows " +
  "a new branch.";

export function openHelp() {
  const rows = keyTable().map(([key, does]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)]);
  dialogOf("Keys", [h("dl", { class: "kx-keys" }, rows), h("p", { class: "kx-muted" }, ABOUT)]);
}
