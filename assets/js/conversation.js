// The turns from the root to the head, newest at the bottom; only the newest few are in the page.
import { fill, h, iconButton, percent, price, seconds } from "./dom.js";
import { icon } from "./icons.js";
import { call, store } from "./store.js";

const WINDOW = 30;
const STATES = { queued: "Waiting", submitted: "Sent", running: "Working" };

export function mount(root) {
  const older = h("button", { type: "button", class: "kx-link kx-older", hidden: true, onclick: () => { shown += WINDOW; draw(); } }, "Show earlier turns");
  const welcome = h("div", { class: "kx-welcome", hidden: true },
    h("h2", {}, "Edit a picture by saying what should change"),
    h("p", { class: "kx-muted" }, "Each message is applied to the current picture and becomes a new version. Nothing is overwritten: undo moves back, and an edit of an earlier version grows a new branch."));
  const list = h("ol", { class: "kx-turns", "aria-label": "Conversation" });
  const scroller = h("div", { class: "kx-scroll", tabindex: "0", role: "log", "aria-label": "Turns", "aria-live": "off" }, welcome, older, list);
  fill(root, scroller);
  const cards = new Map();
  let shown = WINDOW;

  function draw() {
    if (!store.project) return;
    const entries = turns();
    welcome.hidden = entries.length > 0;
    older.hidden = entries.length <= shown;
    const wanted = entries.slice(-shown);
    const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
    const before = cards.size;
    const keep = new Set(wanted.map((entry) => entry.key));
    for (const [key, card] of cards) if (!keep.has(key)) { card.element.remove(); cards.delete(key); }
    wanted.forEach((entry, index) => {
      let card = cards.get(entry.key);
      if (!card || card.stamp !== entry.stamp) {
        const element = entry.draw();
        if (card) card.element.replaceWith(element);
        card = { element, stamp: entry.stamp };
        cards.set(entry.key, card);
      }
      entry.refresh?.(card.element);
      if (list.children[index] !== card.element) list.insertBefore(card.element, list.children[index] || null);
    });
    list.dataset.count = entries.length;
    if (atEnd || before === 0 || cards.size > before) scroller.scrollTop = scroller.scrollHeight;
  }
  store.subscribe((changed) => { if (changed?.has("opened")) { shown = WINDOW; cards.clear(); fill(list); } draw(); }, ["project", "versions", "jobs", "opened"]);
  setInterval(() => {
    for (const clock of list.querySelectorAll("[data-since]")) clock.textContent = `${Math.round((Date.now() - Number(clock.dataset.since)) / 1000)} s`;
  }, 500);
}

/** What the conversation shows: versions on the path, each followed by the edits of it that made none. */
function turns() {
  const entries = [];
  const jobs = [...store.jobs.values()];
  const add = (job) => {
    const open = job.state in STATES;
    entries.push({
      key: `j${job.id}`,
      stamp: open ? "open" : JSON.stringify(job),
      draw: () => jobCard(job),
      refresh: open ? (card) => showProgress(card, job) : null,
    });
  };
  for (const version of store.path()) {
    entries.push({
      key: `v${version.id}`,
      stamp: `${version.digest}${version.name}${version.starred}${version.id === store.project.head}`,
      draw: () => (version.parent || version.instruction ? turnCard(version) : rootCard(version)),
    });
    jobs.filter((job) => job.parent === version.id).sort((a, b) => a.created_at.localeCompare(b.created_at)).forEach(add);
  }
  jobs.filter((job) => !job.parent).forEach(add);
  return entries;
}

function thumbnail(version) {
  return h("button", { type: "button", class: "kx-thumb", "aria-label": "Show this version", onclick: () => call("select", { version: version.id }) },
    h("img", { src: store.imageUrl(version.digest, "thumb"), alt: "", loading: "lazy", width: version.width, height: version.height }));
}

function rootCard(version) {
  const about = version.source || {};
  return h("li", { class: "kx-turn kx-root-turn", "data-version-turn": version.id },
    h("div", { class: "kx-answer" }, thumbnail(version),
      h("div", { class: "kx-about" },
        h("p", { class: "kx-clamp" }, about.filename || "Opened picture"),
        h("p", { class: "kx-muted" }, `${version.width} × ${version.height}${about.format ? `, ${about.format}` : ""}${about.profile ? `, ${about.profile}` : ""}`))));
}

function turnCard(version) {
  const facts = [
    version.backend_label,
    seconds(version.seconds),
    version.price_usd ? price(version.price_usd) : "",
    version.seed !== null && version.seed !== undefined ? `seed ${version.seed}` : "",
    version.changed !== null && version.changed !== undefined ? `${percent(version.changed)} changed` : "",
  ].filter(Boolean);
  return h("li", { class: "kx-turn", "data-turn": version.job || version.id, "data-version-turn": version.id },
    instruction(version.instruction),
    h("div", { class: "kx-answer" }, thumbnail(version),
      h("div", { class: "kx-about" },
        version.description && h("p", {}, version.description),
        h("p", { class: "kx-muted kx-facts" }, facts.join(" · ")),
        version.warnings?.map((warning) => h("p", { class: "kx-warning" }, icon("warning"), warning)),
        chips(version.alternatives),
        versionActions(version),
        details(version))));
}

function versionActions(version) {
  const again = { ...recipe(version), parent: version.parent };
  return h("div", { class: "kx-actions" },
    retries(version, again),
    iconButton(icon("edit"), "Edit the instruction and send it again", () => giveBack({ ...again, instruction: version.instruction })),
    version.id !== store.project.head && iconButton(icon("fork"), "Go on from here", () => call("select", { version: version.id })),
    otherTiers(version.tier, again));
}

/** With a seed there are two ways of trying again. */
function retries(version, again) {
  const { seed: _, ...others } = again.parameters;
  const known = version.seed !== null && version.seed !== undefined;
  if (!known) return iconButton(icon("retry"), "Try again", () => sendAgain(again));
  return [
    iconButton(icon("retry"), "Try again with a new seed", () => sendAgain({ ...again, parameters: others })),
    h("button", { type: "button", class: "kx-chip", onclick: () => sendAgain({ ...again, parameters: { ...others, seed: version.seed } }) }, "Same seed"),
  ];
}

function otherTiers(tier, again) {
  const others = store.tiers.filter((offer) => offer.tier !== tier && offer.chosen);
  return others.map((offer) =>
    h("button", { type: "button", class: "kx-chip", onclick: () => sendAgain({ ...again, tier: offer.tier, backend: null, parameters: {} }) }, `Send to ${offer.label}`));
}

function details(version) {
  const meters = Object.entries(version.meters || {});
  const understood = version.understood || [];
  if (!meters.length && !version.model && !understood.length) return null;
  return h("details", { class: "kx-details" }, h("summary", {}, "Details"),
    h("dl", {},
      version.model && row("Model", version.model),
      understood.length > 0 && [h("dt", {}, "Understood as"), h("dd", {}, understood.map((line) => h("div", {}, line)))],
      version.request && version.request.sent_prompt !== version.instruction && row("Sent prompt", version.request.sent_prompt),
      Object.entries(version.parameters || {}).filter(([, value]) => value !== null).map(([name, value]) => row(name.replaceAll("_", " "), value)),
      meters.map(([name, value]) => row(name.replaceAll("_", " "), Number(value.toFixed(3))))));
}

const row = (name, value) => [h("dt", {}, name), h("dd", {}, String(value))];

function instruction(text) {
  const body = h("p", { class: "kx-clamp" }, text);
  const long = text.length > 240 || text.split("\n").length > 4;
  const more = long && h("button", { type: "button", class: "kx-link", onclick: () => { body.classList.toggle("kx-open"); more.textContent = body.classList.contains("kx-open") ? "less" : "more"; } }, "more");
  return h("div", { class: "kx-instruction" }, body, more);
}

function jobCard(job) {
  const open = job.state in STATES;
  return h("li", { class: `kx-turn kx-job kx-is-${job.state}`, "data-turn": job.id, "data-state": job.state },
    instruction(job.instruction),
    open ? runningCard(job) : failedCard(job));
}

function runningCard(job) {
  return h("div", { class: "kx-running" },
    h("img", { alt: "Preview of the edit", class: "kx-preview", hidden: true }),
    h("div", { class: "kx-row" },
      h("span", { class: "kx-stage" }),
      h("span", { class: "kx-muted", "data-since": Date.parse(job.created_at) }),
      h("button", { type: "button", class: "kx-chip", onclick: () => call("cancel", { job: job.id }) }, icon("stop"), "Stop")),
    h("progress", { max: 1, "aria-label": "Progress of the edit" }));
}

/** Progress changes many times a second: the card stays, so that focus and pointer do too. */
function showProgress(card, job) {
  const stage = job.queue_position ? `Place ${job.queue_position} in line` : job.stage || STATES[job.state];
  card.dataset.state = job.state;
  card.querySelector(".kx-stage").textContent = `${stage} · ${job.backend_label}`;
  const bar = card.querySelector("progress");
  if (job.fraction === null || job.fraction === undefined) bar.removeAttribute("value");
  else bar.value = job.fraction;
  const preview = card.querySelector(".kx-preview");
  const address = job.preview && store.url(job.preview);
  if (address && preview.src !== address) preview.src = address;
  preview.hidden = !preview.getAttribute("src"); // between two previews the last one stays
}

const BILLED = { yes: "It was billed.", no: "Nothing was billed.", maybe: "It may have been billed." };

function failedCard(job) {
  const failure = job.failure || { message: "The edit ended without a picture.", hint: "", billed: "maybe", suggestions: [] };
  const again = { ...recipe(job), parent: job.parent };
  const tier = store.tier(failure.capable_tier);
  const said = failure.message.includes("billed") || failure.hint?.includes("billed");
  return h("div", { class: "kx-failure", role: "group", "aria-label": "This edit did not succeed" },
    h("p", {}, icon("warning"), failure.message),
    failure.hint && h("p", { class: "kx-muted" }, failure.hint),
    !said && h("p", { class: "kx-muted" }, BILLED[failure.billed]),
    chips(failure.suggestions, again),
    h("div", { class: "kx-actions" },
      h("button", { type: "button", class: "kx-chip", onclick: () => giveBack({ ...again, instruction: job.instruction }) }, icon("edit"), "Put the prompt back"),
      failure.kind !== "NotUnderstood" && h("button", { type: "button", class: "kx-chip", onclick: () => sendAgain(again) }, icon("retry"), "Send again"),
      job.can_check && h("button", { type: "button", class: "kx-chip", onclick: () => call("check_again", { job: job.id }) }, icon("search"), "Ask the provider"),
      tier?.chosen && h("button", { type: "button", class: "kx-chip", onclick: () => sendAgain({ ...again, tier: tier.tier, backend: null, parameters: {} }) }, `Send to ${tier.label}`),
      iconButton(icon("close"), "Take this card away", () => call("dismiss", { job: job.id }))));
}

/** Other ways of saying it. One with a gap is for the composer, where the gap is filled in. */
function chips(texts, fields = null) {
  if (!texts?.length) return null;
  const use = (text) => {
    if (!text.includes("…")) return sendAgain({ ...fields, instruction: text });
    if (fields) giveBack({ ...fields, instruction: store.draft.text });
    return dispatchEvent(new CustomEvent("kx-prompt-write", { detail: text }));
  };
  return h("div", { class: "kx-chips" }, texts.map((text) => h("button", { type: "button", class: "kx-chip", onclick: () => use(text) }, text)));
}

/** The parts of a turn's request that a new draft takes over. */
function recipe(turn) {
  return { ...turn.request, from_text: turn.request.input_image === null };
}

function sendAgain(fields) {
  const draft = store.draft;
  return call("submit", { draft: { tier: draft.tier, backend: draft.backend, parameters: draft.parameters, preserve: Boolean(draft.preserve), ...fields } });
}

function giveBack(fields) {
  store.setDraft({
    text: fields.instruction,
    tier: fields.tier,
    backend: fields.backend,
    lock: fields.lock,
    region: fields.region,
    feather_px: fields.feather_px,
    native_mask: fields.native_mask,
    side_by_side: fields.side_by_side,
    preserve: fields.preserve,
    keep_character: fields.keep_character,
    parameters: Object.fromEntries(Object.entries(fields.parameters).filter(([, value]) => value !== null)),
    references: fields.references.map(({ image }) => ({ digest: image })),
    mask: fields.mask ? { digest: fields.mask } : null,
    prompt: fields.prompt,
    from_text: fields.from_text,
    parent: fields.parent,
  });
  dispatchEvent(new CustomEvent("kx-prompt-focus"));
}
