// The bar at the top: which project this is, and the few things that concern all of the page.
import { PAGE } from "../../core/commands.js";
import { button, fill, h, named, setState } from "../../core/dom.js";
import { icon } from "../../core/icons.js";
import { tooltipOf } from "../../core/lookup.js";
import { commandButton, pageCommand } from "../../core/offer.js";
import { ARRIVED } from "../arrivals.js";
import { standing } from "../money/spending.js";

/** @import { Props } from "../../core/dom.js" */
/** @import { Page, PanelName, View } from "../../core/page.d.ts" */
/** @import { ProjectRow } from "../../core/types.d.ts" */

/** @type {[View, string][]} */
const VIEWS = [
  ["chat", "Chat"],
  ["image", "Picture"],
  ["tree", "History"],
];

/** What the buttons open: a phone has tabs for that. @type {Map<string, {name: PanelName, props: Props}>} */
const PANELS = new Map([
  ["chat-panel", { name: "chat", props: { class: "kx-icon-button kx-panel-button", "aria-controls": "kx-chat" } }],
  [
    "history-panel",
    { name: "history", props: { class: "kx-icon-button kx-panel-button", "aria-controls": "kx-tree" } },
  ],
]);

/** @param {HTMLElement[]} buttons @param {Page} page */
function followPanels(buttons, page) {
  page.panels.whenChanged(() => {
    for (const [id, { name }] of PANELS) {
      const shown = buttons.find((one) => one.id === `kx-${id}-button`);
      if (!shown) continue;
      setState(shown, "expanded", page.panels.isOpen(name) && !page.panels.alone);
      named(shown, tooltipOf(pageCommand(id), page, undefined));
    }
  });
}

/** @param {HTMLElement} root @param {Page} page @param {HTMLElement} queueChip */
export function mountTop(root, page, queueChip) {
  const { store } = page;
  const money = button("kx-link kx-money", "", () => page.dialogs.spending(), { id: "kx-money", hidden: true });
  const lost = "The connection is lost. Trying again; nothing is lost.";
  const offline = h("div", { class: "kx-offline", role: "status", hidden: true }, lost);
  const [projects, ...others] = PAGE.filter(({ places }) => places?.includes("bar")).map((command) =>
    commandButton(command, page, undefined, { id: `kx-${command.id}-button`, ...PANELS.get(command.id)?.props }),
  );
  followPanels(others, page);
  const { bar, show } = tabs(page);
  const grow = h("span", { class: "kx-grow" });
  fill(
    root,
    h(
      "div",
      { class: "kx-bar" },
      h("h1", { class: "kx-unseen" }, "kontext_ui"),
      projects,
      titleField(page),
      grow,
      queueChip,
      money,
      others,
    ),
    offline,
    bar,
  );
  store.subscribe(["project"], () => {
    const mark = document.title.startsWith(ARRIVED) ? ARRIVED : "";
    document.title = `${mark}${store.project?.title} · kontext_ui`;
    drawMoney(money, store.project);
  });
  store.subscribe(["online"], () => {
    offline.hidden = store.online;
  });
  return { show };
}

/** What the project cost, if anything; a phone has room for the sum alone. @param {HTMLElement} shown @param {ProjectRow | null} project */
function drawMoney(shown, project) {
  shown.hidden = !project?.spent_usd;
  if (!project?.spent_usd) return;
  const { paid, said } = standing(project);
  fill(shown, h("span", { class: "kx-long" }, said), h("span", { class: "kx-short" }, paid));
  named(shown, `What was spent: ${said}`);
}

/** @param {Page} page */
function titleField({ store, call }) {
  const rename = () => {
    const title = field.value.trim();
    if (title && title !== store.project?.title) call("rename_project", { title });
    else field.value = store.project?.title ?? "";
  };
  /** @type {HTMLInputElement} */
  const field = h("input", {
    class: "kx-title",
    "aria-label": "Project name",
    maxlength: 120,
    spellcheck: "false",
    onchange: rename,
    onkeydown: (event) => (event.key === "Enter" || event.key === "Escape") && field.blur(),
  });
  store.subscribe(["project"], () => {
    if (document.activeElement !== field) field.value = store.project?.title ?? "";
  });
  return field;
}

/** On a phone one panel is shown at a time; the gallery is one tap away. @param {Page} page */
function tabs(page) {
  /** @param {View} view */
  const show = (view) => {
    document.documentElement.dataset.view = view;
    for (const [name, tab] of buttons) tab.setAttribute("aria-current", name === view ? "page" : "false");
  };
  const buttons = new Map(
    VIEWS.map(([view, label]) => {
      const props = { type: "button", "data-view": view, onclick: () => show(view) };
      return [view, h("button", props, icon(view), h("span", {}, label))];
    }),
  );
  const gallery = h(
    "button",
    { type: "button", id: "kx-gallery-tab", onclick: () => page.dialogs.gallery() },
    icon("grid"),
    h("span", {}, "Gallery"),
  );
  page.store.subscribe(["project"], () => {
    gallery.disabled = !page.store.head();
  });
  show("image");
  return { bar: h("nav", { class: "kx-tabs", "aria-label": "Views" }, [...buttons.values()], gallery), show };
}
