// The bar at the top: which project this is, and the few things that concern all of the page.
import { fill, h, iconButton, price } from "./dom.js";
import { icon } from "./icons.js";
import { openProjects } from "./projects.js";
import { openHelp, openSettings } from "./settings.js";
import { installKeys } from "./keys.js";
import { call, open, store } from "./store.js";

const VIEWS = [["chat", "Chat"], ["image", "Picture"], ["tree", "History"]];

export function mount(root) {
  const title = h("input", { class: "kx-title", "aria-label": "Project name", maxlength: 120, spellcheck: "false", onchange: rename, onkeydown: leaveOnEnter });
  const spent = h("span", { class: "kx-muted kx-spent" });
  const offline = h("div", { class: "kx-offline", role: "status", hidden: true }, "The connection is lost. Trying again; nothing is lost.");
  fill(
    root,
    h("header", { class: "kx-bar" },
      iconButton(icon("menu"), "Projects", openProjects, { id: "kx-projects-button" }),
      title,
      h("span", { class: "kx-grow" }),
      spent,
      iconButton(icon("help"), "Help and keys (?)", openHelp),
      iconButton(icon("theme"), "Light or dark", switchTheme),
      iconButton(icon("gear"), "Settings", () => openSettings(), { id: "kx-settings-button" }),
    ),
    offline,
    tabs(),
  );
  installKeys();
  store.subscribe(() => {
    if (!store.project) return;
    if (document.activeElement !== title) title.value = store.project.title;
    document.title = `${store.project.title} · kontext_ui`;
    spent.textContent = store.project.spent_usd ? `${price(store.project.spent_usd)} spent` : "";
  }, ["project"]);
  store.subscribe(() => { offline.hidden = store.online; }, ["online"]);
  start();
}

function start() {
  const wanted = location.hash.slice(1);
  open(wanted || null, window.kxState || null).then(() => {
    applyTheme(store.preferences.theme);
    document.documentElement.dataset.kxReady = "yes";
  });
}

function rename(event) {
  const title = event.target.value.trim();
  if (title && title !== store.project.title) call("rename_project", { title });
  else event.target.value = store.project.title;
}

function leaveOnEnter(event) {
  if (event.key === "Enter" || event.key === "Escape") event.target.blur();
}

function applyTheme(theme) {
  document.documentElement.dataset.theme = typeof theme === "string" ? theme : "system";
}

function switchTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme;
  const showsDark = now === "dark" || (now !== "light" && dark);
  const next = showsDark ? "light" : "dark";
  applyTheme(next);
  store.preferences.theme = next;
  call("set_preference", { key: "theme", value: next }, { quiet: true });
}

/** On a phone one panel is shown at a time. */
function tabs() {
  const bar = h("nav", { class: "kx-tabs", "aria-label": "Views" });
  const show = (view) => {
    document.documentElement.dataset.view = view;
    for (const button of bar.children) button.setAttribute("aria-current", button.dataset.view === view ? "page" : "false");
  };
  for (const [view, label] of VIEWS) {
    bar.append(h("button", { type: "button", "data-view": view, onclick: () => show(view) }, icon(view), h("span", {}, label)));
  }
  show("image");
  addEventListener("kx-show", (event) => show(event.detail));
  return bar;
}
