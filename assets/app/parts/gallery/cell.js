// What stands in the gallery: headings, and cells with a picture, a number and what was asked for.
import { button, fill, h, iconButton, named, setState } from "../../core/dom.js";
import { icon } from "../../core/icons.js";
import { imageUrl } from "../../core/session.js";
import { askedFor, describe, isLong } from "../../core/versions.js";

/** @import { Store } from "../../core/store.js" */
/** @import { Item, Line } from "./model.js" */

/** Beyond this width, in device pixels, a thumbnail would be soft. */
const THUMB_PX = 320;

/** @param {Line & {kind: "head"}} line @param {() => void} toggle */
export function headLine({ section, hidden, foldable }, toggle) {
  const words = hidden ? `Show all ${section.items.length}` : "Show fewer";
  const told = section.about();
  const about = h("span", { class: "kx-muted kx-lane-about", title: told }, told);
  const title = h("span", { class: "kx-lane-head", role: "rowheader" }, h("b", {}, section.title), " ", about);
  const props = { "aria-label": `${words}: ${section.title}` };
  return h(
    "div",
    { class: "kx-line kx-lane", role: "row" },
    title,
    foldable && button("kx-chip", words, toggle, props),
  );
}

/** @param {Line & {kind: "cells"}} line @param {Store} store @param {number} width of a cell, in CSS pixels */
export function cellLine({ items }, store, width) {
  return h(
    "div",
    { class: "kx-line kx-cells", role: "row" },
    items.map((item) => cell(item, store, width)),
  );
}

/** @param {Item} item @param {Store} store @param {number} width */
function cell({ key, version, job }, store, width) {
  const pictured = version ?? store.version(job?.parent);
  const kind = width * devicePixelRatio > THUMB_PX * 1.25 ? "preview" : "thumb";
  const src = pictured && imageUrl(pictured.digest, kind);
  const picture =
    src &&
    h("img", {
      src,
      class: isLong(pictured) ? "kx-whole" : "",
      alt: "",
      draggable: "false",
      decoding: "async",
      loading: "lazy",
    });
  const shown = h(
    "span",
    { class: "kx-cell-picture" },
    picture,
    job && h("span", { class: "kx-broken" }, icon("warning")),
  );
  const props = { class: "kx-cell", role: "gridcell", tabindex: "-1", "data-cell": key };
  if (!version) {
    const why = job?.failure?.message ?? "Did not finish";
    const words = [h("span", { class: "kx-cell-title" }, job?.instruction), h("span", { class: "kx-muted" }, why)];
    const label = `${job?.instruction}, failed: ${why}`;
    return h(
      "div",
      { ...props, class: "kx-cell kx-failed", "aria-label": label },
      shown,
      h("span", { class: "kx-cell-words" }, words),
    );
  }
  const mark = h("button", { type: "button", class: "kx-cell-mark", role: "checkbox", tabindex: "-1" }, icon("check"));
  const menu = iconButton(icon("more"), `What to do with v${version.number}`, null, {
    class: "kx-cell-menu",
    tabindex: "-1",
  });
  shown.append(h("span", { class: "kx-cell-number" }), mark, menu);
  named(mark, `Mark v${version.number}`);
  return h("div", { ...props, "data-version": version.id }, shown, h("span", { class: "kx-cell-words" }));
}

/**
 * What may change about a cell.
 * @param {HTMLElement} element
 * @param {Item} item
 * @param {{head: string | null, marked: Set<string>}} state
 */
export function refreshCell(element, { version }, { head, marked }) {
  if (!version) return;
  const { id, number, starred, name } = version;
  element.setAttribute(
    "aria-label",
    [describe(version), id === head && "the current version"].filter(Boolean).join(", "),
  );
  setState(element, "selected", marked.has(id));
  element.classList.toggle("kx-current", id === head);
  /** @type {HTMLElement} */ (element.querySelector(".kx-cell-number")).textContent =
    `v${number}${starred ? " ★" : ""}`;
  setState(/** @type {HTMLElement} */ (element.querySelector(".kx-cell-mark")), "checked", marked.has(id));
  const words = /** @type {HTMLElement} */ (element.querySelector(".kx-cell-words"));
  const text = askedFor(version);
  if (words.dataset.text === `${name} ${text}`) return;
  words.dataset.text = `${name} ${text}`;
  fill(
    words,
    name && h("b", { class: "kx-cell-name" }, name),
    h("span", { class: "kx-cell-title", title: text }, text),
  );
}
