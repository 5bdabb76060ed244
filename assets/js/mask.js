// Painting where the edit may work, at the photo's own resolution up to 4096 pixels on the longest side.
import { fill, h, iconButton } from "./dom.js";
import { makeAutoMask } from "./automask.js";
import { icon } from "./icons.js";
import { store, upload } from "./store.js";

const MAX_SIDE_PX = 4096;
const UNDO_BYTES = 256e6;
const INK = "#ff2d6f"; // seen on every picture; only how opaque it is counts

export function makeMask(stage, world, viewer, onmode) {
  const canvas = h("canvas", { class: "kx-mask-canvas", hidden: true });
  const box = h("div", { class: "kx-rectangle", hidden: true });
  const ring = h("div", { class: "kx-brush", hidden: true });
  world.append(canvas, box);
  stage.append(ring);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const undone = [];
  const done = [];
  let open = false;
  let tool = "brush";
  let size_px = 80;
  let shownFor = null;
  let last = null;

  const size = h("input", { type: "range", min: 4, max: 600, value: size_px, "aria-label": "Brush size", oninput: () => setSize(Number(size.value)) });
  const feather = h("input", { type: "number", min: 0, max: 500, placeholder: "auto", "aria-label": "Soft edge in pixels of the photo", onchange: () => store.setDraft({ feather_px: feather.value === "" ? null : Number(feather.value) }) });
  const file = h("input", { type: "file", accept: "image/*", hidden: true, onchange: () => useFile(file.files[0]) });
  const toolButton = (name, label) => iconButton(icon(name === "brush" ? "mask" : name), label, () => pick(name), { "data-tool": name, "aria-pressed": String(name === tool) });
  const auto = makeAutoMask(paint);
  const bar = h("div", { class: "kx-mask-bar" },
    toolButton("brush", "Brush"), toolButton("eraser", "Eraser"), toolButton("rectangle", "Select a rectangle to send at full detail"), auto.button,
    h("label", { class: "kx-inline" }, "Size", size), h("label", { class: "kx-inline" }, "Soft edge", feather),
    iconButton(icon("undo"), "Undo in the mask", () => step(done, undone)), iconButton(icon("redo"), "Redo in the mask", () => step(undone, done)),
    iconButton(icon("invert"), "Invert", () => change(invert)), iconButton(icon("trash"), "Clear", () => change(clear)),
    iconButton(icon("upload"), "Upload a black and white mask", () => file.click()),
    iconButton(icon("copy"), "Use the last mask", useLast, { id: "kx-last-mask" }));
  const end = h("div", { class: "kx-row kx-mask-end" },
    h("button", { type: "button", class: "kx-link", onclick: close }, "Cancel"),
    h("button", { type: "button", class: "kx-button kx-primary", id: "kx-mask-done", onclick: finish }, "Use this mask"), file);
  const tools = h("div", { class: "kx-mask-tools", role: "toolbar", "aria-label": "Mask", hidden: true }, bar, end, auto.row);
  viewer.lockPan(() => open);

  function pick(name) {
    tool = name;
    for (const button of tools.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === name));
  }

  function setSize(next) {
    size_px = Math.max(4, Math.min(600, next));
    size.value = size_px;
  }

  /** Fit the mask to the current picture; a picture of another size starts empty. */
  function prepare() {
    const head = store.head();
    if (!head) return false;
    const factor = Math.min(1, MAX_SIDE_PX / Math.max(head.width, head.height));
    const [width, height] = [Math.max(1, Math.round(head.width * factor)), Math.max(1, Math.round(head.height * factor))];
    if (shownFor !== `${head.width}x${head.height}`) {
      Object.assign(canvas, { width, height });
      shownFor = `${head.width}x${head.height}`;
      done.length = undone.length = 0;
      setSize(Math.round(Math.max(head.width, head.height) / 16));
      size.max = Math.round(Math.max(head.width, head.height) / 3);
    }
    return true;
  }

  function toggle() {
    if (open) return close();
    if (!prepare()) return;
    open = true;
    tools.hidden = canvas.hidden = false;
    onmode("mask");
  }

  function close() {
    if (!open) return;
    open = false;
    tools.hidden = canvas.hidden = ring.hidden = true;
    auto.reset();
    onmode("off");
  }

  const scale = () => canvas.width / viewer.view.width;

  function remember() {
    done.push(context.getImageData(0, 0, canvas.width, canvas.height));
    while (done.length > 3 && done.length * canvas.width * canvas.height * 4 > UNDO_BYTES) done.shift();
    undone.length = 0;
  }

  function step(from, to) {
    const state = from.pop();
    if (!state) return;
    to.push(context.getImageData(0, 0, canvas.width, canvas.height));
    context.putImageData(state, 0, 0);
  }

  /** A stored mask becomes what is painted; white is paint, black is none. */
  async function paint(digest) {
    const stored = new Image();
    stored.src = store.imageUrl(digest, "full");
    await stored.decode();
    const flat = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
    flat.drawImage(stored, 0, 0, canvas.width, canvas.height);
    const pixels = flat.getImageData(0, 0, canvas.width, canvas.height);
    const words = new Uint32Array(pixels.data.buffer);
    for (let at = 0; at < words.length; at += 1) words[at] = ((words[at] & 0xff) << 24) | 0x6f2dff; // the ink, as opaque as the mask is white
    remember();
    context.putImageData(pixels, 0, 0);
    pick("brush");
  }

  function change(how) {
    remember();
    how();
  }

  function clear() {
    context.clearRect(0, 0, canvas.width, canvas.height);
  }

  function invert() {
    context.globalCompositeOperation = "xor";
    context.fillStyle = INK;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = "source-over";
  }

  function stroke(to) {
    const from = last || to;
    context.globalCompositeOperation = tool === "eraser" ? "destination-out" : "source-over";
    context.strokeStyle = INK;
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = size_px * scale();
    context.beginPath();
    context.moveTo(from.x * scale(), from.y * scale());
    context.lineTo(to.x * scale() + 0.01, to.y * scale());
    context.stroke();
    context.globalCompositeOperation = "source-over";
    last = to;
  }

  let corner = null;
  stage.addEventListener("pointerdown", (event) => {
    if (!open || event.button !== 0 || event.shiftKey || viewer.touches() > 1) return;
    stage.setPointerCapture(event.pointerId);
    const at = viewer.toPicture(event);
    if (tool === "rectangle") { corner = at; drawBox(at, at); return; }
    remember();
    last = null;
    stroke(at);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!open) return;
    const at = viewer.toPicture(event);
    const here = viewer.local(event);
    const shown = size_px * viewer.view.scale;
    ring.hidden = tool === "rectangle" || event.pointerType === "touch";
    Object.assign(ring.style, { width: `${shown}px`, height: `${shown}px`, left: `${here.x - shown / 2}px`, top: `${here.y - shown / 2}px` });
    if (corner) drawBox(corner, at);
    else if (last) for (const part of event.getCoalescedEvents?.() || [event]) stroke(viewer.toPicture(part));
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { last = null; if (corner) { corner = null; keepBox(); } });
  stage.addEventListener("pointerleave", () => { ring.hidden = true; });
  addEventListener("kx-brush", (event) => open && setSize(size_px * (event.detail > 0 ? 1.2 : 1 / 1.2)));
  addEventListener("kx-mask-undo", (event) => (event.detail ? step(undone, done) : step(done, undone)));

  let drawn = null;
  function drawBox(from, to) {
    const { width, height } = viewer.view;
    const clamp = (value, most) => Math.max(0, Math.min(most, value));
    const [x0, x1] = [clamp(Math.min(from.x, to.x), width), clamp(Math.max(from.x, to.x), width)];
    const [y0, y1] = [clamp(Math.min(from.y, to.y), height), clamp(Math.max(from.y, to.y), height)];
    drawn = { x: Math.round(x0), y: Math.round(y0), width: Math.round(x1 - x0), height: Math.round(y1 - y0) };
    box.hidden = false;
    Object.assign(box.style, { left: `${drawn.x}px`, top: `${drawn.y}px`, width: `${drawn.width}px`, height: `${drawn.height}px` });
  }

  function keepBox() {
    if (drawn && drawn.width >= 16 && drawn.height >= 16) {
      store.setDraft({ region: drawn });
      store.toast("This part is sent at its own resolution.");
      close();
    }
    box.hidden = true;
  }

  async function finish() {
    const flat = new OffscreenCanvas(canvas.width, canvas.height);
    const paint = flat.getContext("2d");
    paint.drawImage(canvas, 0, 0);
    for (const [how, colour] of [["source-in", "#fff"], ["destination-over", "#000"]]) {
      Object.assign(paint, { globalCompositeOperation: how, fillStyle: colour });
      paint.fillRect(0, 0, flat.width, flat.height);
    }
    const painted = context.getImageData(0, 0, canvas.width, canvas.height).data.some((value, index) => index % 4 === 3 && value);
    if (!painted) return store.toast("Nothing is painted yet.");
    await send(await flat.convertToBlob({ type: "image/png" }));
  }

  async function send(blob) {
    const answer = await upload(new File([blob], "mask.png", { type: "image/png" }), "mask", { version: store.head().id });
    if (!answer.result) return;
    store.setDraftMask(answer.result.digest);
    close();
  }

  /** The newest mask on the way to this version; it fits, since masks only go with pictures of their size. */
  function useLast() {
    const head = store.head();
    const last = store.path().reverse().find((version) => version.mask && version.width === head.width && version.height === head.height);
    if (!last) return store.toast("No edit of this picture had a mask yet.");
    store.setDraftMask(last.mask);
    close();
  }

  async function useFile(picked) {
    file.value = "";
    if (picked) await send(picked);
  }

  return { tools, toggle, close, isOpen: () => open, refresh: () => { if (open && !prepare()) close(); } };
}
