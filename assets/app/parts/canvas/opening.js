// How pictures come in: dropped, pasted, chosen, or one of the examples.
import { url } from "../../core/api.js";
import { send } from "../../core/commands.js";
import { dialogOf } from "../../core/dialog.js";
import { button, fileField, fill, h } from "../../core/dom.js";
import { emptyDraft } from "../../core/draft.js";
import { icon } from "../../core/icons.js";
import { upload } from "../../core/session.js";
import { toast } from "../../core/toast.js";
import { ADDRESS_ONLY, broughtBy } from "../../core/transfer.js";
import { replay } from "./replaying.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { RecipeStep } from "../../core/types.d.ts" */
/** @typedef {{version: string, digest: string, recipe: {steps: RecipeStep[], project: string | null, version: string} | null}} Opened */

const SHOWN_STEPS = 12;

/**
 * Files dropped on the canvas, or pasted while nothing is being typed.
 * @param {HTMLElement} root
 * @param {(files: File[]) => unknown} openFiles
 */
export function takeFiles(root, openFiles) {
  root.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.classList.add("kx-drop");
  });
  root.addEventListener("dragleave", (event) => {
    if (!root.contains(/** @type {Node | null} */ (event.relatedTarget))) root.classList.remove("kx-drop");
  });
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    root.classList.remove("kx-drop");
    const { files, text, address } = broughtBy(event.dataTransfer);
    if (files.length) openFiles(files);
    else if (text || address)
      toast(address ? ADDRESS_ONLY : "That brought words and no picture. Drop them on the instruction.");
  });
  addEventListener("paste", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, textarea");
    if (!typing) openFiles([...(event.clipboardData?.files ?? [])]);
  });
}

/**
 * @param {Page} page
 * @param {HTMLElement} root shows that a picture is on its way
 * @returns {(files: File[]) => Promise<void>}
 */
export function fileOpener(page, root) {
  const { store } = page;
  return async ([file, ...others]) => {
    if (!file) return;
    if (others.length) return openSeveral(page, root, [file, ...others]);
    root.classList.add("kx-loading");
    const before = store.project?.head ?? null;
    const answer = await upload(file, "root");
    root.classList.remove("kx-loading");
    if (answer.error) return;
    if (answer.result.recipe) return offerRecipe(page, answer.result, before);
    if (store.versions.size <= 1) return;
    const run = () => asReference(page, answer.result);
    page.toast("Opened as a new picture of this project.", { label: "Use it as a reference instead", run });
  };
}

/**
 * Each file becomes a picture of this project, or a project of its own, as one likes.
 * @param {Page} page
 * @param {HTMLElement} root shows that pictures are on their way
 * @param {File[]} files
 */
function openSeveral(page, root, files) {
  /** @param {(file: File) => Promise<unknown>} open */
  const each = async (open) => {
    dialog.close();
    root.classList.add("kx-loading");
    for (const file of files) await open(file);
    root.classList.remove("kx-loading");
  };
  const here = () => each((file) => upload(file, "root"));
  const apart = () =>
    each(async (file) => {
      const { store } = page;
      if (store.versions.size) {
        const { result } = await page.call("create_project");
        if (result) await page.open(result.id);
      }
      await upload(file, "root");
    });
  const body = h(
    "div",
    { class: "kx-stack" },
    button("kx-button kx-primary", "Open all in this project", here),
    button("kx-button", "A project for each", apart),
  );
  const dialog = dialogOf(`${files.length} pictures`, body, { label: "Several pictures" });
}

/** @param {Page} page @param {Opened} opened */
async function asReference(page, opened) {
  await page.call("undo_open", { version: opened.version });
  page.store.addReference(opened.digest);
}

/**
 * The file was exported by this program: its project can be gone on with, its instructions used again.
 * @param {Page} page
 * @param {Opened} opened
 * @param {string | null} before the version that was open
 */
function offerRecipe(page, opened, before) {
  if (!opened.recipe) return;
  const { steps, project, version } = opened.recipe;
  const goOn = async () => {
    await page.call("undo_open", { version: opened.version });
    await page.open(project);
    await page.call("select", { version });
  };
  const again = async () => {
    // The file brought the recipe; its picture is not wanted beside the one that the recipe is for.
    if (before) await page.call("undo_open", { version: opened.version });
    await replay(page, before ?? opened.version, steps);
  };
  const count = steps.length === 1 ? "One instruction" : `${steps.length} instructions`;
  /** @param {string} label @param {() => unknown} run */
  const choice = (label, run, looks = "kx-button") =>
    button(looks, label, () => {
      dialog.close();
      run();
    });
  const body = [
    h(
      "ol",
      { class: "kx-steps" },
      steps.slice(0, SHOWN_STEPS).map((step) => h("li", {}, step.instruction)),
    ),
    h(
      "div",
      { class: "kx-stack" },
      project && choice("Go on with its project", goOn, "kx-button kx-primary"),
      choice(`${count}: replay on ${before ? "the picture that was open" : "this picture"}`, again),
      choice("Just open it", () => {}),
    ),
  ];
  const dialog = dialogOf("This picture was made with this program", body, { label: "A picture made here" });
}

/**
 * What is seen before there is a picture.
 * @param {Page} page
 * @param {(files: File[]) => unknown} openFiles
 */
export function emptyState(page, openFiles) {
  const { store } = page;
  const file = fileField({ accept: "image/*,.heic,.avif,.tif,.tiff" }, openFiles);
  const examples = h("div", { class: "kx-examples" });
  const notice = h("p", { class: "kx-notice", role: "note", hidden: true });
  /** @param {number} index */
  const start = async (index) => {
    const { instruction } = store.examples[index];
    const answer = await page.call("open_example", { index });
    if (!answer.error) await send(page, { ...emptyDraft(), instruction });
  };
  store.subscribe(["examples", "opened"], () => {
    const shown = store.examples.map(({ url: path, alt, instruction }, index) => {
      const picture = h("img", { src: url(path), alt, loading: "eager" });
      const props = { type: "button", class: "kx-example", "data-example": index, onclick: () => start(index) };
      return h("button", props, picture, h("span", {}, instruction));
    });
    fill(examples, shown);
    fill(notice, store.notice);
    notice.hidden = !store.notice;
  });
  const formats = "PNG, JPEG, WebP, TIFF, HEIC or AVIF. It stays at its full resolution.";
  const invitation = [
    icon("image"),
    h("b", { class: "kx-long" }, "Drop a picture here, or choose one"),
    h("b", { class: "kx-short" }, "Choose a photo"),
    h("span", { class: "kx-muted" }, formats),
  ];
  return h(
    "div",
    { class: "kx-empty-state", hidden: true },
    button("kx-dropzone", invitation, () => file.click(), { id: "kx-open" }),
    h("p", { class: "kx-muted" }, "Or try one of these:"),
    examples,
    notice,
    file,
  );
}
