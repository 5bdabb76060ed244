// Keys that work wherever the focus is, except while typing.
import { call, store } from "./store.js";
import { openHelp } from "./settings.js";

export const KEYS = [
  ["Enter", "send the instruction"],
  ["Shift + Enter", "new line"],
  ["/", "write an instruction"],
  ["Ctrl or ⌘ + Z", "undo"],
  ["Shift + Ctrl or ⌘ + Z", "redo"],
  ["C", "compare; hold to see the version before"],
  ["M", "paint a mask"],
  ["[ and ]", "smaller and larger brush"],
  ["+, −, 0, 1", "zoom in, out, fit, actual pixels"],
  ["Arrow keys", "move in the tree, Enter selects"],
  ["Esc", "leave a tool, or stop the running edit"],
  ["?", "this help"],
];

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");

export function installKeys() {
  addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "z" && !typing(event.target)) {
      event.preventDefault();
      if (document.querySelector("#kx-canvas")?.dataset.mode === "mask") dispatch("mask-undo", event.shiftKey);
      else call(event.shiftKey ? "redo" : "undo");
      return;
    }
    if (command || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    const action = ACTIONS[event.key];
    if (action) action(event);
  });
  addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "c") dispatch("compare-up");
  });
}

function dispatch(name, detail) {
  dispatchEvent(new CustomEvent(`kx-${name}`, { detail }));
}

const ACTIONS = {
  "/": (event) => { event.preventDefault(); focusPrompt(); },
  "?": () => openHelp(),
  c: (event) => { if (!event.repeat) dispatch("compare-down"); },
  C: (event) => { if (!event.repeat) dispatch("compare-down"); },
  m: () => dispatch("mask"),
  M: () => dispatch("mask"),
  "[": () => dispatch("brush", -1),
  "]": () => dispatch("brush", 1),
  "+": () => dispatch("zoom", 1),
  "=": () => dispatch("zoom", 1),
  "-": () => dispatch("zoom", -1),
  0: () => dispatch("zoom", 0),
  1: () => dispatch("zoom", "actual"),
  Escape: () => escape(),
};

export function focusPrompt() {
  dispatch("show", matchMedia("(max-width: 700px)").matches ? "chat" : document.documentElement.dataset.view);
  document.querySelector("#kx-prompt")?.focus();
}

function escape() {
  const canvas = document.querySelector("#kx-canvas");
  if (canvas && canvas.dataset.mode !== "view") return dispatch("leave");
  const running = store.openJobs().filter((job) => job.parent === store.project?.head);
  if (running.length) call("cancel", { job: running[running.length - 1].id });
}
