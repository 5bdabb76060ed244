// The picture: view, compare, mask, what changed, zoom, download.
import { fill, h, iconButton, percent } from "./dom.js";
import { icon } from "./icons.js";
import { makeCompare } from "./compare.js";
import { dialogOf } from "./dialog.js";
import { makeMask } from "./mask.js";
import { makeViewer } from "./viewer.js";
import { call, open, store, upload } from "./store.js";

const FORMATS = [["png", "PNG, lossless"], ["jpeg", "JPEG"], ["webp", "WebP"], ["tiff", "TIFF, lossless"]];

export function mount(root) {
  const picture = h("img", { class: "kx-picture", alt: "", draggable: "false" });
  const before = h("img", { class: "kx-picture kx-before", alt: "The version before", hidden: true, draggable: "false" });
  const overlay = h("div", { class: "kx-overlay", hidden: true });
  const world = h("div", { class: "kx-world", hidden: true }, picture, before, overlay);
  const stage = h("div", { class: "kx-stage-area", tabindex: "-1" }, world);
  const zoom = h("output", { class: "kx-muted kx-zoom" });
  const empty = emptyState();
  const running = h("div", { class: "kx-canvas-running", hidden: true });
  const viewer = makeViewer(stage, world, (view) => {
    zoom.textContent = `${Math.round(view.scale * 100)}%`;
    compare?.place();
    loadFullWhenNeeded();
  });
  let compare = null;
  compare = makeCompare(stage, viewer, before, setMode);
  const mask = makeMask(stage, world, viewer, setMode);
  let showing = null;
  let wanted = null;
  let mode = "view";

  const buttons = {
    undo: iconButton(icon("undo"), "Undo (Ctrl+Z)", () => call("undo"), { id: "kx-undo" }),
    redo: iconButton(icon("redo"), "Redo (Shift+Ctrl+Z)", () => call("redo"), { id: "kx-redo" }),
    compare: iconButton(icon("compare"), "Compare with the version before (C)", () => compare.toggle(), { id: "kx-compare", "aria-pressed": "false" }),
    peek: iconButton(icon("peek"), "Hold to see the version before", null, { id: "kx-peek" }),
    mask: iconButton(icon("mask"), "Paint a mask (M)", () => mask.toggle(), { id: "kx-mask", "aria-pressed": "false" }),
    changed: iconButton(icon("changed"), "Show what changed", () => toggleOverlay(), { id: "kx-changed", "aria-pressed": "false" }),
    fit: iconButton(icon("fit"), "Fit to the window (0)", () => viewer.fit()),
    download: iconButton(icon("download"), "Download", openDownload, { id: "kx-download" }),
  };
  buttons.peek.addEventListener("pointerdown", () => compare.peek(true));
  for (const end of ["pointerup", "pointerleave", "pointercancel"]) buttons.peek.addEventListener(end, () => compare.mode() === "peek" && compare.peek(false));
  const changeTools = h("div", { class: "kx-change-tools", hidden: true });
  const toolbar = h("div", { class: "kx-toolbar", role: "toolbar", "aria-label": "Picture tools" },
    buttons.undo, buttons.redo, h("span", { class: "kx-gap" }), buttons.compare, buttons.peek, buttons.mask, buttons.changed,
    h("span", { class: "kx-grow" }), zoom, buttons.fit, buttons.download);
  fill(root, toolbar, mask.tools, changeTools, h("div", { class: "kx-stage-wrap" }, stage, empty, running));
  root.dataset.mode = "view";
  root.addEventListener("dragover", (event) => { event.preventDefault(); root.classList.add("kx-drop"); });
  root.addEventListener("dragleave", (event) => { if (!root.contains(event.relatedTarget)) root.classList.remove("kx-drop"); });
  root.addEventListener("drop", (event) => { event.preventDefault(); root.classList.remove("kx-drop"); openFiles([...event.dataTransfer.files]); });
  addEventListener("paste", (event) => {
    if (event.target.closest?.("input, textarea")) return;
    openFiles([...(event.clipboardData?.files || [])]);
  });
  const on = (name, run) => addEventListener(`kx-${name}`, (event) => store.head() && run(event.detail));
  on("compare-down", () => compare.press());
  on("compare-up", () => compare.release());
  on("mask", () => mask.toggle());
  on("leave", () => { compare.off(); mask.close(); });
  on("zoom", (by) => (by === 0 ? viewer.fit() : by === "actual" ? viewer.zoomTo(1) : viewer.zoomTo(viewer.view.scale * (by > 0 ? 1.25 : 0.8))));
  addEventListener("kx-compare-with", (event) => compare.withVersion(event.detail));

  function setMode(tool) {
    mode = tool === "off" ? "view" : tool === "peek" || tool === "slider" ? "compare" : tool;
    root.dataset.mode = mode;
    buttons.compare.setAttribute("aria-pressed", String(mode === "compare"));
    buttons.mask.setAttribute("aria-pressed", String(mode === "mask"));
    if (mode === "mask" && compare.mode() !== "off") compare.off();
    if (mode === "mask" && overlayOn) toggleOverlay(false); // painting over a coloured picture says nothing
    if (mode === "compare" && mask.isOpen()) mask.close();
  }

  /** Keep the old picture until the new one is decoded, so that nothing flashes. */
  async function show(version) {
    wanted = version.id;
    const fresh = h("img", { class: "kx-picture", draggable: "false", alt: version.instruction || version.source?.filename || "The current picture" });
    fresh.src = store.imageUrl(version.digest, "preview");
    try {
      await fresh.decode();
    } catch {
      if (wanted === version.id) store.toast("This picture could not be loaded.");
      return;
    }
    if (wanted !== version.id) return;
    world.querySelector(".kx-picture:not(.kx-before)").replaceWith(fresh);
    world.classList.toggle("kx-checker", version.alpha);
    world.hidden = false;
    showing = version;
    viewer.resize(version.width, version.height);
    drawOverlay();
    root.dataset.version = version.id;
    requestAnimationFrame(() => setTimeout(() => { root.dataset.painted = version.id; }));
  }

  /** The preview has 2048 pixels on its longest side: beyond that the stored picture itself is shown. */
  async function loadFullWhenNeeded() {
    if (!showing) return;
    const longest = Math.max(showing.width, showing.height);
    const image = world.querySelector(".kx-picture:not(.kx-before)");
    const needed = longest * viewer.view.scale * devicePixelRatio;
    if (longest <= 2048 || needed <= 2300 || image.dataset.full === showing.id) return;
    image.dataset.full = showing.id;
    const { id, digest } = showing;
    const full = new Image();
    full.src = store.imageUrl(digest, "full");
    await full.decode().catch(() => null);
    if (showing?.id === id && full.naturalWidth) image.src = full.src;
  }

  let overlayOn = false;
  function toggleOverlay(next = !overlayOn) {
    overlayOn = next;
    if (overlayOn && mask.isOpen()) mask.close();
    buttons.changed.setAttribute("aria-pressed", String(overlayOn));
    drawOverlay();
  }

  function drawOverlay() {
    const digest = showing?.change_mask;
    overlay.hidden = !overlayOn || !digest;
    if (digest) overlay.style.setProperty("--mask", `url("${store.imageUrl(digest, "full")}")`);
    changeTools.hidden = !overlayOn;
    if (!overlayOn || !showing) return;
    const grow = Math.max(2, Math.round(Math.max(showing.width, showing.height) / 250));
    fill(changeTools,
      h("span", {}, showing.parent ? (digest ? `${percent(showing.changed)} of the picture changed` : "The whole picture was changed") : "This is the opened picture"),
      showing.adjustable && [
        h("button", { type: "button", class: "kx-chip", onclick: () => call("change_mask", { version: showing.id, how: grow }) }, "Take more of the edit"),
        h("button", { type: "button", class: "kx-chip", onclick: () => call("change_mask", { version: showing.id, how: -grow }) }, "Take less"),
        store.draft.mask && h("button", { type: "button", class: "kx-chip", onclick: () => call("change_mask", { version: showing.id, how: store.draft.mask.digest }) }, "Use the painted mask")]);
  }

  function openDownload() {
    const version = store.head();
    if (!version) return;
    const recipe = h("input", { type: "checkbox" });
    recipe.checked = true;
    const link = ([format, label]) => h("a", {
      class: "kx-button", download: "",
      href: store.url(`export/${store.project.id}/${version.id}?format=${format}&recipe=1`),
      onclick: (event) => { event.currentTarget.href = store.url(`export/${store.project.id}/${version.id}?format=${format}&recipe=${recipe.checked ? 1 : 0}`); setTimeout(() => dialog.close()); },
    }, label);
    const dialog = dialogOf("Download", [
      h("p", { class: "kx-muted" }, `${version.width} × ${version.height}, full resolution`),
      h("div", { class: "kx-stack" }, FORMATS.map(link)),
      h("label", { class: "kx-check" }, recipe, "Write the instructions that made it into the file")], "kx-small");
  }

  async function openFiles(files) {
    const file = files[0];
    if (!file) return;
    root.classList.add("kx-loading");
    const before = store.project?.head;
    const answer = await upload(file, "root");
    root.classList.remove("kx-loading");
    if (answer.result?.recipe) return offerRecipe(answer.result, before);
    if (!answer.error && store.versions.size > 1) {
      store.toast("Opened as a new picture of this project.", { label: "Use it as a reference instead", run: () => asReference(answer.result) });
    }
  }

  /** The file was exported by this program: its project can be gone on with, its instructions used again. */
  function offerRecipe(opened, before) {
    const { steps, project, version } = opened.recipe;
    const choose = (run) => () => { dialog.close(); run(); };
    const count = steps.length === 1 ? "One instruction" : `${steps.length} instructions`;
    const dialog = h("dialog", { class: "kx-dialog", "aria-label": "A picture made here" },
      h("h2", {}, "This picture was made with this program"),
      h("ol", { class: "kx-steps" }, steps.slice(0, 12).map((step) => h("li", {}, step.instruction))),
      h("div", { class: "kx-stack" },
        project && h("button", { type: "button", class: "kx-button kx-primary", onclick: choose(async () => { await call("undo_open", { version: opened.version }); await open(project); call("select", { version }); }) }, "Go on with its project"),
        h("button", { type: "button", class: "kx-button", onclick: choose(() => call("replay", { version: before || opened.version, steps })) },
          before ? `${count}: replay on the picture that was open` : `${count}: replay on this picture`),
        h("button", { type: "button", class: "kx-button", onclick: choose(() => {}) }, "Just open it")));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  async function asReference(root_) {
    await call("undo_open", { version: root_.version });
    store.setDraft({ references: [...store.draft.references, { digest: root_.digest }] });
  }

  function emptyState() {
    const file = h("input", { type: "file", accept: "image/*,.heic,.avif,.tif,.tiff", hidden: true, onchange: () => openFiles([...file.files]) });
    const examples = h("div", { class: "kx-examples" });
    store.subscribe(() => fill(examples, store.examples.map((example, index) =>
      h("button", { type: "button", class: "kx-example", "data-example": index, onclick: () => startWith(index) },
        h("img", { src: store.url(example.url), alt: example.alt, loading: "eager" }), h("span", {}, example.instruction)))), ["examples"]);
    return h("div", { class: "kx-empty-state", hidden: true },
      h("button", { type: "button", class: "kx-dropzone", id: "kx-open", onclick: () => file.click() },
        icon("image"), h("b", {}, "Drop a picture here, or choose one"), h("span", { class: "kx-muted" }, "PNG, JPEG, WebP, TIFF, HEIC or AVIF. It stays at its full resolution.")),
      h("p", { class: "kx-muted" }, "Or try one of these:"), examples, file);
  }

  async function startWith(index) {
    const { instruction } = store.examples[index];
    const answer = await call("open_example", { index });
    if (!answer.error) await call("submit", { draft: { instruction, tier: "local" } });
  }

  function drawRunning() {
    const job = store.openJobs().filter((item) => item.parent === store.project?.head).at(-1);
    running.hidden = !job;
    if (!job) return;
    const known = job.fraction !== null && job.fraction !== undefined;
    if (!running.firstChild) fill(running, h("progress", { max: 1, "aria-label": "Progress of the edit" }), h("span", {}));
    const bar = running.querySelector("progress");
    if (known) bar.value = job.fraction; else bar.removeAttribute("value");
    running.querySelector("span").textContent = job.stage || "Working";
  }

  store.subscribe((changed) => {
    const head = store.head();
    empty.hidden = Boolean(head) || !store.ready;
    toolbar.classList.toggle("kx-idle", !head);
    for (const name of ["compare", "peek", "mask", "changed", "fit", "download"]) buttons[name].disabled = !head;
    buttons.undo.disabled = !head?.parent;
    buttons.redo.disabled = !store.project?.redo;
    if (!head) {
      world.hidden = true;
      showing = wanted = null;
      root.removeAttribute("data-version");
      return;
    }
    if (changed?.has("opened") || head.id !== wanted) {
      show(head).then(() => { compare.refresh(); mask.refresh(); });
    } else if (showing) { showing = head; drawOverlay(); }
  }, ["project", "versions", "opened", "draft"]);
  store.subscribe(drawRunning, ["jobs", "project", "opened"]);
}
