// A version as a file, or several as one archive.
import { url } from "../../core/api.js";
import { dialogOf } from "../../core/dialog.js";
import { checkbox, h } from "../../core/dom.js";
import { counted } from "../../core/format.js";
import { recalled, remember } from "../../core/remembered.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { VersionRow } from "../../core/types.d.ts" */

const FORMATS = [
  ["png", "PNG, lossless"],
  ["jpeg", "JPEG"],
  ["webp", "WebP"],
  ["tiff", "TIFF, lossless"],
];

/** @param {Page} page @param {VersionRow | null} version the current one, without it */
export function openDownload({ store }, version = store.head()) {
  if (!version) return;
  const about = `v${version.number} · ${version.width} × ${version.height}, full resolution`;
  offerFormats("Download", about, `export/${store.project?.id}/${version.id}?`);
}

/** @param {Page} page @param {VersionRow[]} versions */
export function openDownloads(page, versions) {
  if (versions.length < 2) return openDownload(page, versions[0]);
  const ids = versions.map(({ id }) => id).join();
  const about = `${counted(versions.length, "version")} in one ZIP archive, full resolution`;
  offerFormats("Download", about, `export/${page.store.project?.id}?versions=${ids}&`);
}

/** @param {string} title @param {string} about @param {string} path what the format is added to */
function offerFormats(title, about, path) {
  /** @param {string} format @param {boolean} recipe */
  const address = (format, recipe) => url(`${path}format=${format}&recipe=${recipe ? 1 : 0}`);
  const [last, withRecipe] = [recalled("download format", "png"), recalled("download recipe", "yes") === "yes"];
  const links = FORMATS.map(([format, label]) => {
    const onclick = () => {
      remember("download format", format);
      setTimeout(() => dialog.close()); // after the browser has followed it
    };
    const looks = format === last ? "kx-button kx-primary" : "kx-button";
    const href = address(format, withRecipe);
    return h("a", { class: looks, download: "", href, "data-format": format, onclick }, label);
  });
  const recipe = checkbox(withRecipe, (written) => {
    remember("download recipe", written ? "yes" : "no");
    for (const link of links) link.href = address(link.dataset.format ?? "png", written);
  });
  const body = [
    h("p", { class: "kx-muted" }, about),
    h("div", { class: "kx-stack" }, links),
    h("label", { class: "kx-check" }, recipe, "Include the edit recipe"),
  ];
  const dialog = dialogOf(title, body, { kind: "kx-small" });
  links.find((link) => link.dataset.format === last)?.focus();
}
