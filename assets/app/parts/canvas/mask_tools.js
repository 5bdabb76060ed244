// The tools for painting a mask. What is painted counts as soon as it exists; closing the tools changes nothing.
import { button, debounce, fileField, h, iconButton, setState } from "../../core/dom.js";
import { icon } from "../../core/icons.js";
import { imageUrl, upload } from "../../core/session.js";
import { automask } from "./automask.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { VersionRow } from "../../core/types.d.ts" */
/** @import { KxMask, Tool } from "../../elements/kx-mask.js" */
/** @typedef {{page: Page, mask: KxMask, close: () => void}} Canvas */
/** @typedef {Canvas & {settle: () => Promise<void>}} Painting `settle` makes what is painted the draft's mask. */
/** @typedef {{element: HTMLElement, reset: () => void, open: () => Promise<void>, settle: () => Promise<void>}} MaskTools */

const REST_MS = 500;

/** @type {Map<string, number>} How much of the picture a mask painted here covers, by digest. */
const shares = new Map();

/** 0..1, where it is known. @param {string} mask */
export const shareOfMask = (mask) => shares.get(mask) ?? null;

const TOOLS = /** @type {const} */ ([
  ["brush", "mask", "Brush", "Brush"],
  ["eraser", "eraser", "Eraser", "Eraser"],
  ["lasso", "lasso", "Lasso: go round what you mean", "Lasso"],
  ["rectangle", "rectangle", "Select a rectangle to send at full detail", "Rectangle"],
]);
/** A step of growing, as a share of the picture's longer side. */
const GROW_SHARE = 1 / 200;

/**
 * @param {Canvas} canvas
 * @returns {MaskTools}
 */
export function maskTools(canvas) {
  const { mask, page } = canvas;
  let stored = Promise.resolve();
  // One after the other: a mask that takes long to upload must not arrive after a newer one.
  const settle = () => {
    const turn = stored.then(() => store(canvas));
    stored = turn.catch(() => undefined);
    return turn;
  };
  const painting = { ...canvas, settle };
  const { pick, buttons } = toolButtons(mask);
  const auto = automask(page, async (digest) => {
    await paintStored(mask, digest);
    pick("brush");
  });
  const file = fileField({ accept: "image/*" }, ([picked]) => picked && takeFile(painting, picked));
  /** @param {import("../../core/icons.js").IconName} name @param {string} label @param {() => unknown} run @param {import("../../core/dom.js").Props} [props] */
  const tool = (name, label, run, props) => iconButton([icon(name), worded(label)], label, run, props);
  /** @param {number} direction */
  const grow = (direction) => {
    const { width, height } = mask.viewer?.picture ?? { width: 0, height: 0 };
    mask.grow(direction * Math.max(2, Math.round(Math.max(width, height) * GROW_SHARE)));
  };
  const bar = h(
    "div",
    { class: "kx-mask-bar" },
    buttons,
    auto.button,
    h("label", { class: "kx-inline" }, "Size", sizeField(mask)),
    h("label", { class: "kx-inline" }, "Soft edge", featherField(page)),
    iconButton(icon("undo"), "Undo in the mask", () => mask.undo()),
    iconButton(icon("redo"), "Redo in the mask", () => mask.redo()),
    tool("grow", "Grow", () => grow(1)),
    tool("shrink", "Shrink", () => grow(-1)),
    tool("invert", "Invert", () => mask.invert()),
    tool("trash", "Clear", () => mask.clear()),
    iconButton(icon("upload"), "Upload a black and white mask", () => file.click()),
    iconButton(icon("copy"), "Use the last mask", () => useLast(painting), {
      id: "kx-last-mask",
    }),
  );
  const end = h(
    "div",
    { class: "kx-row kx-mask-end" },
    button("kx-link", "Remove the mask", () => remove(painting)),
    button("kx-button kx-primary", "Done", () => finish(painting), { id: "kx-mask-done" }),
    file,
  );
  mask.addEventListener("rectangle", () => {
    page.store.setDraft({ region: mask.drawn });
    page.toast("Only this area will be edited, at full detail.");
    painting.close();
  });
  const props = { class: "kx-mask-tools", role: "toolbar", "aria-label": "Mask", hidden: true };
  const rest = debounce(settle, REST_MS);
  mask.addEventListener("painted", rest);
  return {
    element: h("div", props, bar, end, auto.row),
    reset: auto.reset,
    open: () => showChosen(painting),
    settle: () => {
      rest.cancel();
      return settle();
    },
  };
}

/** What a tool is called, where there is room. @param {string} word */
const worded = (word) => h("span", { class: "kx-word", "aria-hidden": "true" }, word);

/** @param {KxMask} mask */
function toolButtons(mask) {
  /** @param {Tool} tool */
  const pick = (tool) => {
    mask.tool = tool;
    for (const one of buttons) setState(one, "pressed", one.dataset.tool === tool);
  };
  const buttons = TOOLS.map(([tool, name, label, word]) =>
    iconButton([icon(name), worded(word)], label, () => pick(tool), {
      "data-tool": tool,
      "aria-pressed": tool === mask.tool ? "true" : "false",
    }),
  );
  return { pick, buttons };
}

/** @param {KxMask} mask */
function sizeField(mask) {
  /** @type {HTMLInputElement} */
  const field = h("input", {
    type: "range",
    min: 4,
    max: 600,
    "aria-label": "Brush size",
    oninput: () => mask.setBrush(Number(field.value)),
  });
  mask.addEventListener("brushchange", () => {
    const { width, height } = mask.viewer?.picture ?? { width: 0, height: 0 };
    field.max = String(Math.max(12, Math.round(Math.max(width, height) / 3)));
    field.value = String(mask.brush_px);
  });
  return field;
}

/** @param {Page} page */
function featherField({ store }) {
  /** @type {HTMLInputElement} */
  const field = h("input", {
    type: "number",
    min: 0,
    max: 500,
    placeholder: "auto",
    "aria-label": "Soft edge in pixels of the photo",
    onchange: () => store.setDraft({ feather_px: field.value === "" ? null : Number(field.value) }),
  });
  store.subscribe(["draft"], () => {
    if (document.activeElement !== field) field.value = String(store.draft.feather_px ?? "");
  });
  return field;
}

/** @param {KxMask} mask @param {string} digest */
async function paintStored(mask, digest) {
  const stored = new Image();
  stored.src = imageUrl(digest, "full");
  await stored.decode();
  mask.paint(stored);
}

/** Begin with the mask that is chosen, wherever it came from. @param {Painting} painting */
async function showChosen({ page, mask }) {
  const chosen = page.store.draft.mask;
  if (!chosen) mask.clear();
  else if (shares.get(chosen) === undefined || !mask.done.length) await paintStored(mask, chosen);
  mask.touched = false;
}

/** @param {Canvas} canvas */
async function store({ page, mask }) {
  if (!mask.touched) return;
  mask.touched = false;
  const painted = await mask.result();
  if (painted) await send({ page, mask }, new File([painted], "mask.png", { type: "image/png" }), mask.share());
  else page.store.setDraft({ mask: null });
}

/** @param {Painting} painting */
async function finish(painting) {
  await painting.settle();
  if (!painting.page.store.draft.mask) return painting.page.toast("Nothing is painted yet.");
  painting.close();
}

/** @param {Painting} painting */
function remove({ page, mask, close }) {
  mask.clear();
  mask.touched = false;
  page.store.setDraft({ mask: null });
  close();
}

/** @param {Pick<Painting, "page" | "mask">} painting @param {File} file @param {number | null} share */
async function send({ page }, file, share = null) {
  const head = page.store.head();
  if (!head) return;
  const answer = await upload(file, "mask", { version: head.id });
  if (!answer.result) return;
  if (share !== null) shares.set(answer.result.digest, share);
  page.store.setDraft({ mask: answer.result.digest });
}

/** @param {Painting} painting @param {File} file */
async function takeFile(painting, file) {
  await send(painting, file);
  painting.close();
}

/** @param {Painting} painting */
function useLast({ page, close }) {
  const mask = lastMask(page.store.path());
  if (!mask) return page.toast("No edit of this picture had a mask yet.");
  page.store.setDraft({ mask });
  close();
}

/**
 * The newest mask on the way to the last version; it fits, since masks only go with pictures of their size.
 * @param {VersionRow[]} path
 */
export function lastMask(path) {
  const head = path.at(-1);
  const fits = path.findLast(
    ({ request, width, height }) => request?.mask && width === head?.width && height === head?.height,
  );
  return fits?.request?.mask ?? null;
}
