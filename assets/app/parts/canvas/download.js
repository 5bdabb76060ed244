// The current version as a file.
import { url } from "../../core/api.js";
import { dialogOf } from "../../core/dialog.js";
import { checkbox, h } from "../../core/dom.js";

/** @import { Page } from "../../core/page.d.ts" */

const FORMATS = [
  ["png", "PNG, lossless"],
  ["jpeg", "JPEG"],
  ["webp", "WebP"],
  ["tiff", "TIFF, lossless"],
];

/** @param {Page} page */
export function openDownload({ store }) {
  const version = store.head();
  if (!version) return;
  /** @param {string} format @param {boolean} recipe */
  const address = (format, recipe) =>
    url(`export/${store.project?.id}/${version.id}?format=${format}&recipe=${recipe ? 1 : 0}`);
  const links = FORMATS.map(([format, label]) => {
    const onclick = () => setTimeout(() => dialog.close()); // after the browser has followed it
    return h(
      "a",
      { class: "kx-button", download: "", href: address(format, true), "data-format": format, onclick },
      label,
    );
  });
  const recipe = checkbox(true, (written) => {
    for (const link of links) link.href = address(link.dataset.format ?? "png", written);
  });
  const body = [
    h("p", { class: "kx-muted" }, `${version.width} × ${version.height}, full resolution`),
    h("div", { class: "kx-stack" }, links),
    h("label", { class: "kx-check" }, recipe, "Include the edit recipe"),
  ];
  const dialog = dialogOf("Download", body, { kind: "kx-small" });
}
