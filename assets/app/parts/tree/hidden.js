// Branches that were hidden, and names of versions.
import { dialogOf } from "../../core/dialog.js";
import { button, fill, h } from "../../core/dom.js";
import { imageUrl } from "../../core/session.js";
import { describe } from "../../core/versions.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { VersionRow } from "../../core/types.d.ts" */

/** @param {Page} page */
export async function openHidden(page) {
  const answer = await page.call("pruned");
  const list = h("ul", { class: "kx-projects" });
  const dialog = dialogOf("Hidden branches", list);
  /** @param {VersionRow} version */
  const restore = async (version) => {
    await page.call("restore_version", { version: version.id });
    dialog.close();
  };
  const rows = /** @type {VersionRow[]} */ (answer.result ?? []).map((version) =>
    h(
      "li",
      {},
      h("span", { class: "kx-cover" }, h("img", { src: imageUrl(version.digest, "thumb"), alt: "" })),
      h("span", { class: "kx-grow" }, describe(version)),
      button("kx-chip", "Show again", () => restore(version)),
    ),
  );
  fill(list, rows.length ? rows : h("li", { class: "kx-muted" }, "Nothing is hidden in this project."));
}

/** @param {VersionRow} version @param {Page} page */
export function openNaming(version, page) {
  const field = h("input", { value: version.name ?? "", maxlength: 80, "aria-label": "Name of this version" });
  const onsubmit = () => page.call("name_version", { version: version.id, name: field.value.trim() || null });
  const save = h("button", { class: "kx-button kx-primary" }, "Save");
  dialogOf("Name this version", h("form", { method: "dialog", onsubmit }, field, save), { kind: "kx-small" });
  field.focus();
}
