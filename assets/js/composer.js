// Where instructions are written: the prompt, references, the tier with its price, and what sending would do.
import { debounce, fill, h, iconButton, price, seconds } from "./dom.js";
import { makeBuilder } from "./builder.js";
import { makeHints } from "./hints.js";
import { icon } from "./icons.js";
import { makeIdeas } from "./ideas.js";
import { parameterPanel } from "./parameters.js";
import { openSettings } from "./settings.js";
import { call, rememberComposer, store, upload } from "./store.js";
import { spoken } from "./words.js";

const MAX_LINES = 8;

export function mount(root) {
  const prompt = h("textarea", {
    id: "kx-prompt", rows: 1, placeholder: "Say what should change…", "aria-label": "Instruction", "aria-describedby": "kx-receipt",
    autocomplete: "off", spellcheck: "true", maxlength: 8000,
    oninput: typed, onkeydown: keyed, onpaste: pasted,
  });
  const send = h("button", { type: "button", id: "kx-send", class: "kx-send", "aria-label": "Send (Enter)", title: "Send (Enter)", onclick: submit }, icon("send"));
  const stop = h("button", { type: "button", id: "kx-stop", class: "kx-send kx-stop", "aria-label": "Stop the running edit (Esc)", title: "Stop the running edit (Esc)", hidden: true, onclick: cancel }, icon("stop"));
  const strip = h("div", { class: "kx-strip" });
  const picker = h("select", { id: "kx-tier", "aria-label": "Tier and backend", onchange: picked });
  const receipt = h("div", { id: "kx-receipt", class: "kx-receipt", "aria-live": "polite" });
  const panel = parameterPanel();
  const builder = makeBuilder(write);
  const hints = makeHints(wire, write);
  const file = h("input", { type: "file", accept: "image/*", multiple: true, hidden: true, onchange: () => attach([...file.files]).then(() => { file.value = ""; }) });
  const box = h("div", { class: "kx-composer" },
    strip,
    h("div", { class: "kx-prompt-row" }, prompt),
    h("div", { class: "kx-row kx-composer-row" },
      iconButton(icon("plus"), "Add a reference image", () => file.click(), { id: "kx-attach" }),
      picker, panel.button, builder.button, h("span", { class: "kx-grow" }), stop, send),
    receipt, hints.line, file);
  fill(root, panel.element, builder.element, makeIdeas(write), box);
  // On a phone the composer lies over the lower edge of every view, which has to know how high it is.
  new ResizeObserver(() => document.documentElement.style.setProperty("--compose", `${root.offsetHeight}px`)).observe(root);
  box.addEventListener("dragover", (event) => { event.preventDefault(); event.stopPropagation(); });
  box.addEventListener("drop", dropped);
  addEventListener("kx-prompt-focus", () => { prompt.focus(); prompt.setSelectionRange(prompt.value.length, prompt.value.length); });
  addEventListener("kx-prompt-write", (event) => write(event.detail));
  addEventListener("pagehide", saveNow);

  const save = debounce(saveNow, 600);
  const check = debounce(checkNow, 300);
  let saved = null;

  function typed() {
    store.draft.text = prompt.value;
    store.draft.prompt = ""; // wording of one's own belongs to the instruction that it was written for
    grow();
    save();
    check();
    hints.refresh();
    shape();
  }

  function shape() {
    send.disabled = !prompt.value.trim();
    root.classList.toggle("kx-has-text", !send.disabled);
  }

  /** Put a text into the prompt as if it were typed, so that Ctrl+Z brings back what was there. */
  function write(text) {
    prompt.focus();
    prompt.select();
    if (!document.execCommand("insertText", false, text)) { prompt.value = text; typed(); }
    const gap = text.indexOf("…");
    if (gap >= 0) prompt.setSelectionRange(gap, gap + 1);
  }

  function grow() {
    prompt.style.height = "auto";
    const line = parseFloat(getComputedStyle(prompt).lineHeight);
    prompt.style.height = `${Math.min(prompt.scrollHeight, line * MAX_LINES + 16)}px`;
  }

  function saveNow() {
    save.cancel();
    if (!store.project || saved === store.draft.text) return;
    saved = store.draft.text;
    fetch(store.url("do/save_draft"), {
      method: "POST", keepalive: true, credentials: "same-origin",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ project: store.project.id, text: saved }),
    }).catch(() => { saved = null; });
  }

  function keyed(event) {
    // While an input method is composing, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
  }

  async function submit() {
    const text = prompt.value.trim();
    if (!text || !store.project) return;
    const lacking = keyless();
    if (lacking) return openSettings(lacking.id);
    const draft = wire();
    prompt.value = "";
    store.setDraft({ text: "", references: [], mask: null, region: null, parent: null, from_text: false });
    typed();
    const answer = await call("submit", { draft }, { quiet: true });
    if (!answer.error) return;
    // Nothing was sent: everything goes back to where it was, before what was typed meanwhile.
    store.setDraft({ text: [text, prompt.value].filter(Boolean).join("\n"), references: draft.references.map(({ image }) => ({ digest: image })), mask: draft.mask ? { digest: draft.mask } : null, region: draft.region, parent: draft.parent });
    showError(answer.error);
  }

  function cancel() {
    const running = here();
    if (running.length) call("cancel", { job: running[running.length - 1].id });
  }

  const here = () => store.openJobs().filter((job) => job.parent === store.project?.head);

  function picked() {
    const [tier, backend] = picker.value.split("/");
    store.setDraft({ tier, backend: backend || null, parameters: {} });
    rememberComposer();
  }

  async function attach(files) {
    const pictures = files.filter((item) => item.type.startsWith("image/") || /\.(heic|avif|tiff?)$/i.test(item.name));
    for (const picture of pictures) {
      if (!store.head()) { await upload(picture, "root"); continue; }
      const answer = await upload(picture, "reference");
      if (answer.result) store.setDraft({ references: [...store.draft.references, { digest: answer.result.digest }] });
    }
  }

  function pasted(event) {
    const files = [...(event.clipboardData?.files || [])];
    if (!files.length) return;
    event.preventDefault();
    attach(files);
  }

  function dropped(event) {
    event.preventDefault();
    event.stopPropagation();
    const digest = event.dataTransfer.getData("application/x-kontext-digest");
    if (digest) store.setDraft({ references: [...store.draft.references, { digest }] });
    else attach([...event.dataTransfer.files]);
  }

  async function checkNow() {
    if (!store.ready || !store.draft.text.trim()) return fill(receipt, hint());
    const asked = store.draft.text;
    const answer = await call("check", { draft: wire() }, { quiet: true });
    if (store.draft.text !== asked) return;
    if (answer.error) return showError(answer.error);
    const { price_usd, price_note, typical_s, geometry, warnings, backend_label, prompt: sent } = answer.result;
    fill(receipt,
      h("span", {}, [backend_label, price(price_usd), price_note, typical_s && `about ${seconds(typical_s)}`, geometry].filter(Boolean).join(" · ")),
      sent !== asked.trim() && h("span", { class: "kx-sent" }, `Sent as: ${sent}`),
      warnings.map((warning) => h("span", { class: "kx-warning" }, icon("warning"), warning)));
  }

  /** The backend whose key would make the chosen tier ready, when it is not. */
  function keyless() {
    const backend = store.backend();
    return backend && !backend.ready && backend.takes_key ? backend : null;
  }

  function showError(error) {
    const way = error.kind === "MissingCredentials" && pasteKey(); // the place for keys says where each is had
    fill(receipt, h("span", { class: "kx-error", role: "alert" }, [error.message, !way && error.hint].filter(Boolean).join(" ")), way);
    if (error.kind === "BudgetExceeded") receipt.append(h("button", { type: "button", class: "kx-link", onclick: () => document.querySelector("#kx-settings-button").click() }, "Raise the budget"));
  }

  function pasteKey() {
    const backend = keyless();
    return backend && h("button", { type: "button", class: "kx-link kx-paste-key", onclick: () => openSettings(backend.id) }, "Paste a key");
  }

  function hint() {
    const backend = store.backend();
    if (!backend) return "";
    const note = backend.ready ? backend.notes[0] : `${backend.reason} ${backend.hint}`.trim();
    return [h("span", { class: "kx-muted" }, spoken(note || "")), pasteKey()];
  }

  function drawTiers() {
    fill(picker, store.tiers.map((tier) =>
      h("optgroup", { label: tier.label },
        h("option", { value: `${tier.tier}/` }, tierText(tier)),
        tier.backends.length > 1 && tier.backends.map((backend) =>
          h("option", { value: `${tier.tier}/${backend.id}` }, backendText(tier, backend))))));
    picker.value = `${store.draft.tier}/${store.draft.backend || ""}`;
    picker.title = picker.selectedOptions[0]?.textContent || "";
  }

  function drawStrip() {
    const { references, mask, region, parent } = store.draft;
    const backend = store.backend();
    const toggle = (name, label) => {
      const box = h("input", { type: "checkbox", onchange: () => store.setDraft({ [name]: box.checked }) });
      box.checked = Boolean(store.draft[name]);
      return h("label", { class: "kx-reference" }, box, label);
    };
    fill(strip,
      references.map((reference, index) => h("span", { class: "kx-reference" },
        h("img", { src: store.imageUrl(reference.digest, "thumb"), alt: "" }), `image ${index + 2}`,
        iconButton(icon("close"), `Remove reference ${index + 1}`, () => store.setDraft({ references: references.filter((_, at) => at !== index) })))),
      mask && h("span", { class: "kx-reference" }, icon("mask"), "mask", iconButton(icon("close"), "Remove the mask", () => store.setDraftMask(null))),
      region && h("span", { class: "kx-reference" }, icon("rectangle"), `${region.width} × ${region.height} px`, iconButton(icon("close"), "Send the whole picture", () => store.setDraft({ region: null }))),
      references.length > (backend?.max_reference_images ?? 0) && toggle("side_by_side", "put side by side on one canvas"),
      mask && backend?.modes.includes("inpaint") && toggle("native_mask", `use the fill model, ${price(backend.inpaint_price_usd)}`),
      parent && parent !== store.project?.head && h("span", { class: "kx-reference" }, icon("fork"), "for an earlier version", iconButton(icon("close"), "Apply to the current version", () => store.setDraft({ parent: null }))));
    strip.hidden = !strip.children.length;
  }

  store.subscribe(() => {
    if (!store.project) return;
    if (prompt.value !== store.draft.text) { prompt.value = store.draft.text; grow(); }
    if (saved === null) saved = store.draft.text;
    shape();
    hints.refresh();
    drawTiers();
    drawStrip();
    panel.draw();
    check();
  }, ["draft", "tiers", "opened"]);
  store.subscribe(() => {
    stop.hidden = !here().length;
    prompt.placeholder = store.head() ? "Say what should change…" : canGenerate() ? "Open a picture first, or describe one" : "Open a picture first";
  }, ["jobs", "project", "opened", "draft", "tiers"]);
}

function tierText(tier) {
  const chosen = tier.backends.find((backend) => backend.id === tier.chosen);
  if (!chosen) return `${tier.label} – not ready`;
  // Who pays knows the provider from the receipt; which engine of this machine it is says what it can do.
  const engine = !chosen.takes_key && tier.backends.length > 1 ? ` · ${chosen.label.replace(/ \(.*\)$/, "")}` : "";
  return `${tier.label}${engine} – ${price(chosen.price_usd)}, ${seconds(chosen.typical_s)}`;
}

function backendText(tier, backend) {
  return `${tier.label} · ${backend.label} – ${backend.ready ? price(backend.price_usd) : "not ready"}`;
}

function canGenerate() {
  const tier = store.tier();
  if (!tier) return false;
  const asked = store.draft.backend ? [store.backend()] : tier.chosen ? tier.backends.filter((backend) => backend.ready) : tier.backends;
  return asked.some((backend) => backend.modes.includes("generate"));
}

/** The draft as the server reads it. */
function wire() {
  const { text, prompt, from_text, tier, backend, parameters, references, mask, lock, region, parent, native_mask, side_by_side, feather_px, keep_character, preserve } = store.draft;
  return {
    instruction: text, prompt: prompt || "", from_text: Boolean(from_text), tier, backend, parameters, lock, region, parent, native_mask: Boolean(native_mask), side_by_side: Boolean(side_by_side),
    feather_px: feather_px ?? null, keep_character: keep_character ?? null, preserve: Boolean(preserve), references: references.map((reference) => ({ image: reference.digest })), mask: mask?.digest || null,
  };
}
