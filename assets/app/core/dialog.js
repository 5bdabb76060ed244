// A modal dialog with a title and a way out; it leaves the page when it closes.
import { h, iconButton } from "./dom.js";
import { icon } from "./icons.js";

/** @import { Children } from "./page.d.ts" */

/**
 * Shown at once.
 * @param {string} title
 * @param {Children} body
 * @param {{kind?: string, label?: string, beside?: Children}} how `kind` is a class of its own, "kx-small" for a narrow
 *   one; `label` its accessible name where that is not the title; `beside` stands beside the title
 */
export function dialogOf(title, body, { kind = "", label = title, beside = null } = {}) {
  const close = iconButton(icon("close"), "Close", () => dialog.close());
  const head = h("div", { class: "kx-row kx-dialog-head" }, h("h2", { class: "kx-grow" }, title), beside, close);
  const dialog = h("dialog", { class: `kx-dialog ${kind}`.trim(), "aria-label": label }, head, body);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
