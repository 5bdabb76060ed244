// Short messages at the lower edge, read out by screen readers.
import { fill, h } from "./dom.js";

const SHOWN_MS = 7000;
let place = null;

/** `action` is {label, run}; `kind` is "" or "error". */
export function toast(message, action = null, kind = "") {
  place ||= document.body.appendChild(h("div", { id: "kx-toasts", role: "status", "aria-live": "polite" }));
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
