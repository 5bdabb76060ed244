// Short messages at the lower edge, read out by screen readers.
import { fill, h } from "./dom.js";

const SHOWN_MS = 7000;
let place = null;

/** `action` is {label, run}; `kind` is "" or "error". */
export function toast(message, action = null, kind = "") {
  place ||= h("div", { id: "kx-toasts", role: "status", "aria-live": "polite" });
  settle();
  const entry = h("div", { class: `kx-toast ${kind}` }, h("span", {}, message));
  const remove = () => entry.remove();
  if (action) {
    entry.append(
      h("button", { type: "button", class: "kx-link", onclick: () => { remove(); action.run(); } }, action.label),
    );
  }
  const others = [...place.children].slice(-2);
  fill(place, ...others, entry);
  setTimeout(remove, SHOWN_MS);
}

/** A modal dialog lies over all of the page and takes its clicks: while one is open, messages are part of it. */
function settle() {
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  const home = dialog || document.body;
  if (place.parentNode === home) return;
  home.append(place);
  dialog?.addEventListener("close", () => place.parentNode === dialog && document.body.append(place), { once: true });
}
