// Short messages at the lower edge, read out by screen readers.
import { button, fill, h } from "./dom.js";

const SHOWN_MS = 7000;
const MOST = 3;

/** @param {string} message @param {{label: string, run: () => unknown} | null} action @param {"" | "error"} kind */
export function toast(message, action = null, kind = "") {
  const place = settled();
  const entry = h("div", { class: `kx-toast ${kind}`.trim() }, h("span", {}, message));
  const remove = () => entry.remove();
  if (action) {
    const run = () => {
      remove();
      action.run();
    };
    entry.append(button("kx-link", action.label, run));
  }
  fill(place, ...[...place.children].slice(1 - MOST), entry);
  setTimeout(remove, SHOWN_MS);
}

/** A modal dialog lies over all of the page and takes its clicks: while one is open, messages are part of it. */
function settled() {
  const place =
    document.getElementById("kx-toasts") ?? h("div", { id: "kx-toasts", role: "status", "aria-live": "polite" });
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  const home = dialog ?? document.body;
  if (place.parentNode === home) return place;
  home.append(place);
  dialog?.addEventListener("close", () => place.parentNode === dialog && document.body.append(place), { once: true });
  return place;
}
