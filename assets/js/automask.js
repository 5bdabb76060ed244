// A mask by name: the main subject, the background, the sky, or anything that was seen or can be named.
import { fill, h, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { call, store } from "./store.js";

/** `paint` takes a stored mask's digest and resolves once it is on the canvas. */
export function makeAutoMask(paint) {
  const name = h("input", { type: "text", maxlength: 80, placeholder: "or name it", "aria-label": "Name what to mask", autocomplete: "off", onkeydown: keyed });
  const choices = h("div", { class: "kx-chips", role: "group", "aria-label": "Things to mask" });
  const said = h("span", { class: "kx-muted", role: "status" });
  const row = h("div", { class: "kx-auto-mask", id: "kx-auto-mask", hidden: true }, choices, name, said);
  const button = iconButton(icon("find"), "Find what to mask by name", toggle, { id: "kx-find-mask", "aria-expanded": "false", "aria-controls": "kx-auto-mask" });
  let busy = false;
  let chosen = null;

  function toggle() {
    row.hidden = !row.hidden;
    button.setAttribute("aria-expanded", String(!row.hidden));
    draw();
    if (!row.hidden) choices.querySelector("button")?.focus();
  }

  function draw(others = []) {
    if (row.hidden) return;
    const look = store.look;
    const things = (look?.things || []).map((thing) => thing.said);
    const names = ["the main subject", "the background", look?.sky === false ? null : "the sky", ...things, ...others];
    fill(choices, [...new Set(names.filter(Boolean))].map((one) =>
      h("button", { type: "button", class: "kx-chip kx-choice", "data-name": one, onclick: () => find(one) }, label(one))));
    mark(chosen);
  }

  function mark(name) {
    chosen = name;
    for (const chip of choices.children) chip.setAttribute("aria-pressed", String(chip.dataset.name === name));
  }

  function failed(message) {
    mark(null);
    said.textContent = message;
  }

  function keyed(event) {
    if (event.key !== "Enter" || !name.value.trim()) return;
    event.preventDefault();
    find(name.value.trim());
  }

  async function find(what) {
    const head = store.head();
    if (busy || !head) return;
    busy = true;
    row.setAttribute("aria-busy", "true");
    mark(what);
    said.textContent = `Looking for ${what}…`;
    const answer = await call("find_mask", { version: head.id, name: what }, { quiet: true });
    busy = false;
    row.removeAttribute("aria-busy");
    if (store.head()?.id !== head.id) return failed("");
    if (answer.error) return failed([answer.error.message, answer.error.hint].filter(Boolean).join(" "));
    try {
      await paint(answer.result.digest);
    } catch {
      return failed("The mask did not arrive. Try again.");
    }
    said.textContent = `${label(answer.result.how)}. Paint on, or use it.`;
    if (answer.result.others.length) draw(answer.result.others);
  }

  function reset() {
    failed("");
    name.value = "";
  }

  store.subscribe(() => draw(), ["look"]);
  return { button, row, reset };
}

const label = (name) => { const bare = name.replace(/^the /, ""); return bare[0].toUpperCase() + bare.slice(1); };
