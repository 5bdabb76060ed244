// A version in the conversation: what was asked, what came of it, what can be done next.
import { VERSION } from "../../core/commands.js";
import { button, h, iconButton } from "../../core/dom.js";
import { percent, price, seconds, words } from "../../core/format.js";
import { icon } from "../../core/icons.js";
import { commandButtons } from "../../core/offer.js";
import { roving } from "../../core/roving.js";
import { imageUrl } from "../../core/session.js";
import { pager } from "../answers.js";
import { openMenu } from "../tree/menu.js";
import { chips } from "./chips.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { OutcomeRow, VersionRow } from "../../core/types.d.ts" */

const LONG = { characters: 240, lines: 4 };

/** @param {VersionRow} version @param {Page} page */
export function rootCard(version, page) {
  const { filename = "Opened picture", format, profile, bits, hdr } = version.source ?? {};
  const tonemapped = hdr && `HDR (${hdr}) brought to the range of ordinary screens`;
  const size = `${version.width} × ${version.height}`;
  const facts = [size, format, bits && `${bits} bits`, profile, tonemapped].filter(Boolean);
  const about = [h("p", { class: "kx-clamp" }, filename), h("p", { class: "kx-muted" }, facts.join(", "))];
  return h(
    "li",
    { class: "kx-turn kx-root-turn", "data-version-turn": version.id },
    h("div", { class: "kx-answer" }, thumbnail(version, page), h("div", { class: "kx-about" }, about)),
  );
}

/** @param {VersionRow} version @param {Page} page */
export function turnCard(version, page) {
  const { outcome } = version;
  const about = h(
    "div",
    { class: "kx-about" },
    outcome?.description && h("p", {}, outcome.description),
    outcome && h("p", { class: "kx-muted kx-facts" }, factsOf(version, outcome).join(" · ")),
    outcome?.warnings.map((warning) => h("p", { class: "kx-warning" }, icon("warning"), warning)),
    chips(outcome?.alternatives ?? [], null, page),
    roving(
      h(
        "div",
        { class: "kx-actions", role: "toolbar", "aria-label": `What to do with v${version.number}` },
        pager(version, page),
        commandButtons(VERSION, "turn", page, version),
        more(version, page),
      ),
    ),
    details(version),
  );
  const newest = version.id === page.store.project?.head;
  return h(
    "li",
    {
      class: newest ? "kx-turn kx-newest" : "kx-turn",
      "data-turn": version.job ?? version.id,
      "data-version-turn": version.id,
    },
    instruction(version.instruction),
    h("div", { class: "kx-answer" }, thumbnail(version, page, newest ? "preview" : "thumb"), about),
  );
}

/** A turn that was undone: it stays, grey, and one click brings it back. @param {VersionRow} version @param {Page} page */
export function undoneCard(version, page) {
  const next = version.id === page.store.project?.redo;
  const redo = () => (next ? page.call("redo") : page.call("select", { version: version.id }));
  return h(
    "li",
    { class: "kx-turn kx-undone", "data-undone-turn": version.id },
    instruction(version.instruction),
    h(
      "div",
      { class: "kx-answer" },
      thumbnail(version, page),
      h(
        "div",
        { class: "kx-about" },
        h("p", { class: "kx-muted" }, "Undone"),
        h("div", { class: "kx-actions" }, button("kx-chip", [icon("redo"), next ? "Redo" : "Redo up to here"], redo)),
      ),
    ),
  );
}

/** @param {VersionRow} version @param {Page} page @param {"thumb" | "preview"} kind */
function thumbnail({ id, digest, number, width, height }, page, kind = "thumb") {
  const picture = h("img", { src: imageUrl(digest, kind), alt: "", loading: "lazy", width, height });
  const show = () => page.call("select", { version: id });
  return button("kx-thumb", picture, show, { "aria-label": `Show v${number}` });
}

/** @param {VersionRow} version @param {OutcomeRow} outcome */
function factsOf({ request }, { model, backend_label, seconds: taken, price_usd, seed, changed, adjusted_px }) {
  return [
    request?.model && model,
    backend_label,
    adjusted_px === null ? seconds(taken) : "",
    price_usd ? price(price_usd) : "",
    seed === null ? "" : `seed ${seed}`,
    changed === null ? "" : `${percent(changed)} changed`,
  ].filter(Boolean);
}

/** Everything else that can be done with it. @param {VersionRow} version @param {Page} page */
function more({ id, number }, page) {
  const open = () => openMenu(id, shown, page);
  const shown = iconButton(icon("more"), `More for v${number}`, open, { "aria-haspopup": "menu" });
  return shown;
}

/** @param {VersionRow} version */
function details({ instruction: text, outcome, request }) {
  if (!outcome || (!outcome.model && !outcome.understood.length && !Object.keys(outcome.meters).length)) return null;
  const understood = outcome.understood.map((line) => h("div", {}, line));
  const sent = request?.sent_prompt ?? request?.prompt;
  const given = Object.entries(request?.parameters ?? {}).filter(([, value]) => value !== null);
  return h(
    "details",
    { class: "kx-details", ontoggle: intoView },
    h("summary", {}, "Details"),
    h(
      "dl",
      {},
      outcome.model && row("Model", outcome.model),
      understood.length > 0 && [h("dt", {}, "Understood as"), h("dd", {}, understood)],
      sent && sent !== text && row("Sent prompt", sent),
      given.map(([name, value]) => row(words(name), value)),
      Object.entries(outcome.meters).map(([name, value]) => row(words(name), Number(value.toFixed(3)))),
    ),
  );
}

/** What opens below the fold is brought into view. @param {Event} event */
function intoView({ target }) {
  const details = /** @type {HTMLDetailsElement} */ (target);
  if (details.open) details.scrollIntoView({ block: "nearest" });
}

/** @param {string} name @param {unknown} value */
const row = (name, value) => [h("dt", {}, name), h("dd", {}, String(value))];

/** What somebody wrote; a long one is folded. @param {string} text */
export function instruction(text) {
  const body = h("p", { class: "kx-clamp" }, text);
  if (text.length <= LONG.characters && text.split("\n").length <= LONG.lines) {
    return h("div", { class: "kx-instruction" }, body);
  }
  const fold = () => {
    more.textContent = body.classList.toggle("kx-open") ? "less" : "more";
  };
  const more = button("kx-link", "more", fold);
  return h("div", { class: "kx-instruction" }, body, more);
}
