// The history as a tree of thumbnails. Only what is in view is in the page.
import { fill, h, iconButton, price, svg } from "./dom.js";
import { icon } from "./icons.js";
import { layout } from "./layout.js";
import { call, store } from "./store.js";

const CELL = { width: 84, height: 78 };
const THUMB = { width: 66, height: 54 };
const OVERSCAN = 4;

export function mount(root) {
  const search = h("input", { type: "search", id: "kx-tree-search", placeholder: "Search", "aria-label": "Search versions", oninput: find });
  const edges = svg("svg", { class: "kx-edges", "aria-hidden": "true" });
  const nodes = h("div", { class: "kx-nodes" });
  const space = h("div", { class: "kx-tree-space", role: "tree", "aria-label": "Versions" }, edges, nodes);
  const scroller = h("div", { class: "kx-scroll kx-tree-scroll" }, space);
  const count = h("span", { class: "kx-muted kx-grow", role: "status" });
  const foot = h("div", { class: "kx-row kx-tree-foot" }, count, h("button", { type: "button", class: "kx-link", id: "kx-pruned", onclick: showPruned }, "Pruned"));
  fill(root, h("div", { class: "kx-row kx-tree-head" }, h("h2", {}, "History"), search), scroller, foot);
  let rows = [];
  let plan = { places: new Map(), rows: 0, columns: 1 };
  let byRow = new Map();
  let found = null;
  let active = null;
  const shown = new Map();

  function arrange() {
    if (!store.project) return;
    const ghosts = store.openJobs().filter((job) => job.parent).map((job) => ({ id: job.id, parent: job.parent, ghost: job, created_at: job.created_at }));
    rows = [...store.versions.values(), ...ghosts];
    rows.sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
    plan = layout(rows);
    byRow = new Map();
    for (const row of rows) {
      const place = plan.places.get(row.id);
      if (!byRow.has(place.row)) byRow.set(place.row, []);
      byRow.get(place.row).push(row);
    }
    const size = { width: plan.columns * CELL.width + 8, height: plan.rows * CELL.height + 8 };
    Object.assign(space.style, { width: `${size.width}px`, height: `${size.height}px` });
    edges.setAttribute("width", size.width);
    edges.setAttribute("height", size.height);
    root.dataset.count = store.versions.size;
    count.textContent = counted();
    draw();
  }

  function counted() {
    const all = store.versions.size;
    if (!all) return "Every result will be kept here.";
    if (!found) return `${all} version${all === 1 ? "" : "s"}`;
    const matches = [...found].filter((id) => store.versions.has(id)).length;
    return matches ? `${matches} of ${all}` : "No version matches";
  }

  function draw() {
    const first = Math.floor(scroller.scrollTop / CELL.height) - OVERSCAN;
    const last = Math.ceil((scroller.scrollTop + scroller.clientHeight) / CELL.height) + OVERSCAN;
    const path = new Set(store.path().map((version) => version.id));
    const wanted = new Set();
    const lines = [];
    for (let row = Math.max(0, first); row <= Math.min(plan.rows, last); row += 1) {
      for (const item of byRow.get(row) || []) {
        wanted.add(item.id);
        place(item, path);
        const edge = line(item, path);
        if (edge) lines.push(edge);
      }
    }
    for (const [id, element] of shown) if (!wanted.has(id)) { element.remove(); shown.delete(id); }
    edges.replaceChildren(...lines);
    if (!shown.has(active)) setActive(store.project?.head, false);
  }

  function place(item, path) {
    let element = shown.get(item.id);
    if (!element) {
      element = item.ghost ? ghost(item) : node(item);
      shown.set(item.id, element);
      nodes.append(element);
    }
    const at = plan.places.get(item.id);
    element.style.transform = `translate(${at.column * CELL.width + 8}px, ${at.row * CELL.height + 8}px)`;
    if (item.ghost) return progress(element, item.ghost);
    element.setAttribute("aria-level", at.row + 1);
    element.setAttribute("aria-selected", String(item.id === store.project.head));
    element.classList.toggle("kx-on-path", path.has(item.id));
    element.classList.toggle("kx-starred", item.starred);
    element.classList.toggle("kx-dim", Boolean(found) && !found.has(item.id));
    element.setAttribute("aria-label", describe(item));
    element.querySelector(".kx-node-name").textContent = item.name || "";
  }

  const describe = (item) => [item.name, item.instruction || item.source?.filename || "Opened picture", item.starred && "starred"].filter(Boolean).join(", ");

  function node(item) {
    const element = h("div", { class: "kx-node", role: "treeitem", tabindex: "-1", "data-version": item.id, title: item.instruction || item.source?.filename || "", draggable: "true" },
      h("img", { src: store.imageUrl(item.digest, "thumb"), alt: "", draggable: "false", width: THUMB.width, height: THUMB.height }),
      h("span", { class: "kx-node-name" }));
    element.addEventListener("click", () => select(item.id));
    element.addEventListener("contextmenu", (event) => { event.preventDefault(); menu(item.id, element); });
    element.addEventListener("dragstart", (event) => event.dataTransfer.setData("application/x-kontext-digest", item.digest));
    return element;
  }

  function ghost(item) {
    return h("div", { class: "kx-node kx-ghost", "data-job": item.id, title: item.ghost.instruction, "aria-hidden": "true" }, h("span", { class: "kx-ring" }));
  }

  function progress(element, job) {
    element.style.setProperty("--done", job.fraction ?? 0.1);
  }

  function line(item, path) {
    const from = plan.places.get(item.parent);
    const to = plan.places.get(item.id);
    if (!from) return null;
    const middle = (place) => place.column * CELL.width + 8 + THUMB.width / 2;
    const [x0, y0, x1, y1] = [middle(from), from.row * CELL.height + 8 + THUMB.height, middle(to), to.row * CELL.height + 8];
    const bend = x0 === x1 ? `V${y1}` : `C${x0} ${y0 + 18} ${x1} ${y0 + 2} ${x1} ${Math.min(y1, y0 + 24)} V${y1}`;
    return svg("path", { d: `M${x0} ${y0} ${bend}`, class: path.has(item.id) ? "kx-on-path" : "" });
  }

  function select(id) {
    setActive(id, true);
    if (id !== store.project.head) call("select", { version: id });
  }

  function setActive(id, focus) {
    shown.get(active)?.setAttribute("tabindex", "-1");
    active = id;
    const element = shown.get(id);
    element?.setAttribute("tabindex", "0");
    if (focus) element?.focus({ preventScroll: true });
  }

  function reveal(id) {
    const at = plan.places.get(id);
    if (!at) return;
    const y = at.row * CELL.height;
    if (y < scroller.scrollTop || y + CELL.height > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = y - scroller.clientHeight / 2;
    const x = at.column * CELL.width;
    if (x < scroller.scrollLeft || x + CELL.width > scroller.scrollLeft + scroller.clientWidth) scroller.scrollLeft = x - scroller.clientWidth / 2;
    draw();
  }

  function go(id) {
    if (!id) return;
    reveal(id);
    setActive(id, true);
  }

  const MOVES = {
    ArrowUp: (version) => version.parent,
    ArrowDown: (version) => store.children(version.id)[0]?.id,
    ArrowLeft: (version) => sibling(version, -1),
    ArrowRight: (version) => sibling(version, 1),
    Home: () => store.path(active)[0]?.id,
    End: (version) => { let at = version; while (store.children(at.id)[0]) at = store.children(at.id)[0]; return at.id; },
  };

  function sibling(version, step) {
    const line = version.parent ? store.children(version.parent) : [...store.versions.values()].filter((other) => !other.parent);
    return line[line.findIndex((other) => other.id === version.id) + step]?.id;
  }

  space.addEventListener("keydown", (event) => {
    const version = store.versions.get(active);
    if (!version || event.ctrlKey || event.metaKey) return;
    if (MOVES[event.key]) go(MOVES[event.key](version));
    else if (event.key === "Enter" || event.key === " ") select(active);
    else if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) menu(active, shown.get(active));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  async function find() {
    const text = search.value.trim();
    found = null;
    if (text) {
      const answer = await call("search", { text });
      if (search.value.trim() !== text) return;
      found = new Set(answer.result || []);
      const first = rows.find((row) => found.has(row.id));
      if (first) reveal(first.id);
    }
    count.textContent = counted();
    draw();
  }

  function menu(id, element) {
    const version = store.versions.get(id);
    const close = () => { list.remove(); removeEventListener("pointerdown", outside, true); element.focus?.(); };
    const outside = (event) => { if (!list.contains(event.target)) close(); };
    const entry = (label, run) => h("button", { type: "button", role: "menuitem", onclick: () => { close(); run(); } }, label);
    const list = h("div", { class: "kx-menu", role: "menu", "aria-label": "Version" },
      h("p", { class: "kx-muted" }, describe(version), version.price_usd ? ` · ${price(version.price_usd)}` : ""),
      entry("Go on from here", () => select(id)),
      id !== store.project.head && entry("Compare with the current version", () => dispatchEvent(new CustomEvent("kx-compare-with", { detail: id }))),
      entry(version.starred ? "Remove the star" : "Star", () => call("star", { version: id, starred: !version.starred })),
      entry("Name…", () => naming(version)),
      entry("Use as a reference image", () => store.setDraft({ references: [...store.draft.references, { digest: version.digest }] })),
      version.parent && entry("Redo from the first picture in one request", () => collapse(version)),
      entry("Prune this branch", () => prune(id)));
    list.addEventListener("keydown", (event) => {
      const items = [...list.querySelectorAll("button")];
      const at = items.indexOf(document.activeElement);
      if (event.key === "Escape") close();
      else if (event.key === "ArrowDown") items[(at + 1) % items.length].focus();
      else if (event.key === "ArrowUp") items[(at + items.length - 1) % items.length].focus();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    document.body.append(list);
    const at = element.getBoundingClientRect();
    list.style.left = `${Math.max(8, Math.min(at.left, innerWidth - list.offsetWidth - 8))}px`;
    list.style.top = `${Math.max(8, Math.min(at.bottom, innerHeight - list.offsetHeight - 8))}px`;
    addEventListener("pointerdown", outside, true);
    list.querySelector("button").focus();
  }

  /** The chain's instructions as one draft on its root, for looking over before it is sent. */
  function collapse(version) {
    const path = store.path(version.id);
    const text = path.slice(1).map((step) => step.instruction.trim().replace(/\.$/, "")).join(". Then ");
    store.setDraft({ text, parent: path[0].id });
    dispatchEvent(new CustomEvent("kx-prompt-focus"));
  }

  function naming(version) {
    const field = h("input", { value: version.name || "", maxlength: 80, "aria-label": "Name of this version" });
    const save = () => call("name_version", { version: version.id, name: field.value.trim() || null });
    const dialog = h("dialog", { class: "kx-dialog kx-small", "aria-label": "Name this version" }, h("h2", {}, "Name this version"),
      h("form", { method: "dialog", onsubmit: save }, field, h("button", { class: "kx-button kx-primary" }, "Save")));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  async function showPruned() {
    const answer = await call("pruned");
    const list = h("ul", { class: "kx-projects" });
    const dialog = h("dialog", { class: "kx-dialog", "aria-label": "Pruned branches" },
      h("div", { class: "kx-row" }, h("h2", { class: "kx-grow" }, "Pruned branches"), iconButton(icon("close"), "Close", () => dialog.close())), list);
    const rows = (answer.result || []).map((version) => h("li", {},
      h("span", { class: "kx-cover" }, h("img", { src: store.imageUrl(version.digest, "thumb"), alt: "" })),
      h("span", { class: "kx-grow" }, describe(version)),
      h("button", { type: "button", class: "kx-chip", onclick: async () => { await call("restore_version", { version: version.id }); dialog.close(); } }, "Restore")));
    fill(list, rows.length ? rows : h("li", { class: "kx-muted" }, "Nothing is pruned in this project."));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  async function prune(id) {
    const answer = await call("prune", { version: id });
    if (answer.error) return;
    const count = answer.result.length;
    store.toast(count === 1 ? "One version pruned." : `${count} versions pruned.`, { label: "Undo", run: () => call("restore_version", { version: id }) });
  }

  let head = null;
  scroller.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(scroller);
  store.subscribe((changed) => {
    if (changed?.has("opened")) { fill(nodes); shown.clear(); head = null; }
    arrange();
    if (store.project && store.project.head !== head) {
      head = store.project.head;
      reveal(head);
      setActive(head, space.contains(document.activeElement));
    }
  }, ["versions", "jobs", "project", "opened"]);
}
