// Instructions that fit the current picture, one click from the prompt.
import { button, h, setState } from "../../core/dom.js";
import { reconcile } from "../../core/reconcile.js";
import { roving, stopAt, stopOf } from "../../core/roving.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { Store } from "../../core/store.js" */
/** @import { Suggestion } from "../../core/types.d.ts" */

const SHOWN = 6;

/** @param {Page} page @param {(text: string) => void} write puts a text into the prompt */
export function ideas({ store }, write) {
  /** @type {HTMLElement} */
  const row = h("div", {
    class: "kx-ideas",
    id: "kx-ideas",
    role: "toolbar",
    "aria-label": "Suggestions for this picture",
    hidden: true,
  });
  roving(row);
  let about = "";
  const draw = () => {
    const head = store.head();
    row.hidden = !head;
    setState(row, "busy", head !== null && !store.look);
    reconcile(row, head ? suggestions(store) : [], {
      key: ({ label, text }) => `${label}\n${text}`,
      draw: (idea) => chip(idea, write),
    });
    stopAt(row, stopOf(row) ?? row);
    if (about !== head?.digest) row.scrollLeft = 0;
    about = head?.digest ?? "";
  };
  row.addEventListener("wheel", (event) => scrollSideways(row, event), { passive: false });
  store.subscribe(["look", "project", "versions", "draft", "tiers", "opened"], draw);
  return row;
}

/** @param {Suggestion} idea @param {(text: string) => void} write */
function chip({ label, text }, write) {
  const title = text === label ? null : text;
  return button("kx-chip", label, () => write(text), { tabindex: "-1", title });
}

/** A wheel scrolls up and down, this row only sideways. @param {HTMLElement} row @param {WheelEvent} event */
function scrollSideways(row, event) {
  if (event.deltaX || row.scrollWidth <= row.clientWidth) return;
  event.preventDefault();
  row.scrollLeft += event.deltaY;
}

/** For the engine that edits in place, what it understands; for a model, what it does well. @param {Store} store */
function suggestions(store) {
  const backend = store.backend();
  if (!store.look || !backend) return [];
  const fitting = backend.full_resolution ? store.look.for_reader : store.look.for_model;
  return (fitting ?? backend.examples.map((text) => ({ label: text, text }))).slice(0, SHOWN);
}
