// What goes with the instruction: references, a mask, a part of the picture, an earlier version.
import { button, checkbox, fill, h, iconButton } from "../../core/dom.js";
import { percent, price } from "../../core/format.js";
import { icon } from "../../core/icons.js";
import { imageUrl } from "../../core/session.js";
import { shareOfMask } from "../canvas/mask_tools.js";

/** @import { Children } from "../../core/page.d.ts" */
/** @import { Page } from "../../core/page.d.ts" */
/** @import { EditDraft, Reference, VersionRow } from "../../core/types.d.ts" */

/**
 * @param {Children} shown
 * @param {string} label of the button that takes it away
 * @param {() => unknown} remove
 */
function removable(shown, label, remove) {
  return h("span", { class: "kx-reference" }, shown, iconButton(icon("close"), label, remove));
}

/** @param {HTMLElement} strip @param {Page} page */
export function drawStrip(strip, { store, canvas }) {
  const { draft } = store;
  const { mask, region, parent } = draft;
  const earlier = parent !== null && parent !== store.project?.head;
  /** @param {Partial<EditDraft>} fields */
  const without = (fields) => () => store.setDraft(fields);
  fill(
    strip,
    draft.references.map((reference, index) => referenceOf(reference, index, store)),
    mask && removable(maskChip(mask, canvas), "Remove the mask", without({ mask: null })),
    region &&
      removable(
        [icon("rectangle"), `${region.width} × ${region.height} px`],
        "Send the whole picture",
        without({ region: null }),
      ),
    switches(store),
    earlier && removable(editing(store.version(parent)), "Edit the current version instead", without({ parent: null })),
  );
  strip.hidden = !strip.children.length;
}

/** Which version the message is for, when it is not the current one. @param {VersionRow | null} version */
function editing(version) {
  if (!version) return [icon("fork"), "editing an earlier version"];
  return [h("img", { src: imageUrl(version.digest, "thumb"), alt: "" }), `editing v${version.number}`];
}

/** Opens the mask to be painted on. @param {string} mask @param {Page["canvas"]} canvas */
function maskChip(mask, canvas) {
  const share = shareOfMask(mask);
  const label = share === null ? "mask" : `mask, ${percent(share)} of the picture`;
  const open = () => canvas.mode !== "mask" && canvas.toggleMask();
  return button("kx-link kx-chip-open", [icon("mask"), label], open, { title: "Paint on" });
}

/** @param {Reference} reference @param {number} index @param {Page["store"]} store */
function referenceOf({ image }, index, store) {
  const others = store.draft.references.filter((_, at) => at !== index);
  const picture = h("img", { src: imageUrl(image, "thumb"), alt: "" });
  const remove = () => store.setDraft({ references: others });
  return removable([picture, `image ${index + 2}`], `Remove reference ${index + 1}`, remove);
}

/** What can be chosen about references and a mask, where the backend gives a choice. @param {Page["store"]} store */
function switches(store) {
  const { draft } = store;
  const backend = store.backend();
  /** @param {"side_by_side" | "native_mask"} field @param {string} label */
  const toggle = (field, label) => {
    const box = checkbox(draft[field], (on) => store.setDraft({ [field]: on }));
    return h("label", { class: "kx-reference" }, box, label);
  };
  const tooMany = draft.references.length > (backend?.max_reference_images ?? 0);
  const fills = draft.mask && backend?.modes.includes("inpaint");
  return [
    tooMany && toggle("side_by_side", "combine into one image"),
    fills && toggle("native_mask", `repaint only the mask, ${price(backend?.inpaint_price_usd)}`),
  ];
}
