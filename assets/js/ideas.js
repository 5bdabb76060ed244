// Instructions that fit the current picture, one click from the prompt.
import { fill, h } from "./dom.js";
import { store } from "./store.js";

const SHOWN = 6;

/** `write` puts a text into the prompt. */
export function makeIdeas(write) {
  const row = h("div", { class: "kx-ideas", id: "kx-ideas", role: "toolbar", "aria-label": "Suggestions for this picture", hidden: true, onkeydown: moved });
  let drawn = "";

  function draw() {
    const head = store.head();
    row.hidden = !head;
    const ideas = head ? suggestions() : [];
    row.setAttribute("aria-busy", String(Boolean(head && !store.look)));
    const stamp = JSON.stringify([head?.digest, ideas]);
    if (stamp === drawn) return;
    drawn = stamp;
    fill(row, ideas.map((idea, index) =>
      h("button", { type: "button", class: "kx-chip", tabindex: index ? "-1" : "0", title: idea.text === idea.label ? null : idea.text, onclick: () => write(idea.text) }, idea.label)));
    row.scrollLeft = 0;
  }

  /** One stop for the Tab key; arrows move inside. */
  function moved(event) {
    const chips = [...row.children];
    const at = chips.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: chips.length - 1 }[event.key];
    if (to === undefined || !chips.length) return;
    event.preventDefault();
    const next = chips[(to + chips.length) % chips.length];
    chips.forEach((chip) => chip.setAttribute("tabindex", chip === next ? "0" : "-1"));
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // A wheel scrolls up and down, this row only sideways.
  row.addEventListener("wheel", (event) => {
    if (event.deltaX || row.scrollWidth <= row.clientWidth) return;
    event.preventDefault();
    row.scrollLeft += event.deltaY;
  }, { passive: false });
  store.subscribe(draw, ["look", "project", "versions", "draft", "tiers", "opened"]);
  return row;
}

/** For the engine that edits in place, what it understands; for a model, what it does well. */
function suggestions() {
  const backend = store.backend();
  if (!store.look || !backend) return [];
  const fitting = backend.full_resolution ? store.look.for_reader : store.look.for_model;
  return (fitting || backend.examples.map((text) => ({ label: text, text }))).slice(0, SHOWN);
}
