// A modal dialog with a title and a way out; it leaves the page when it closes.
import { h, iconButton } from "./dom.js";
import { icon } from "./icons.js";

/** Shown at once. `kind` is a class of its own, "kx-small" for a narrow one. */
export function dialogOf(title, body, kind = "") {
  const dialog = h("dialog", { class: `kx-dialog ${kind}`.trim(), "aria-label": title },
    h("div", { class: "kx-row kx-dialog-head" }, h("h2", { class: "kx-grow" }, title), iconButton(icon("close"), "Close", () => dialog.close())),
    body);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
