// Puts the page together: its parts, the keys, and the project that is shown.

import { button, fill, h } from "./core/dom.js";
import { listenToKeys } from "./core/offer.js";
import { sending } from "./core/sending.js";
import { call, keepFollowing, open } from "./core/session.js";
import { store } from "./core/store.js";
import { toast } from "./core/toast.js";
import { mountArrivals } from "./parts/arrivals.js";
import { mountCanvas } from "./parts/canvas/canvas.js";
import { openDownload, openDownloads } from "./parts/canvas/download.js";
import { openCompare } from "./parts/compare/compare.js";
import { mountComposer } from "./parts/composer/composer.js";
import { openSeveral } from "./parts/composer/several.js";
import { mountConversation } from "./parts/conversation/conversation.js";
import { openGallery } from "./parts/gallery/gallery.js";
import { followHead } from "./parts/look.js";
import { Marks } from "./parts/marks.js";
import { openSpending } from "./parts/money/spending.js";
import { openPalette } from "./parts/palette/palette.js";
import { addBorders, PanelsPart } from "./parts/panels/panels.js";
import { openProjects } from "./parts/projects/projects.js";
import { Queue } from "./parts/queue/queue.js";
import { openHelp } from "./parts/settings/help.js";
import { offerMove, openedLink } from "./parts/settings/moving.js";
import { openSettings } from "./parts/settings/settings.js";
import { applyTheme, switchTheme } from "./parts/top/theme.js";
import { mountTop } from "./parts/top/top.js";
import { openNaming } from "./parts/tree/hidden.js";
import { mountTree } from "./parts/tree/tree.js";

/** @import { Page } from "./core/page.d.ts" */

/** @param {string} name @returns {HTMLElement} */
function panel(name) {
  const element = document.getElementById(`kx-${name}`);
  if (!element) throw new Error(`The page has no place for ${name}.`);
  return element;
}

/** Parts reach each other through the page, which is whole once all of them are mounted. */
function mount() {
  const page = /** @type {Page} */ ({ store, call, open, toast });
  page.switchTheme = () => switchTheme(page);
  page.dialogs = {
    help: openHelp,
    settings: (backend) => openSettings(page, backend),
    projects: () => openProjects(page),
    download: (version) => openDownload(page, version),
    downloadMany: (versions) => openDownloads(page, versions),
    name: (version) => openNaming(version, page),
    compare: (versions) => openCompare(page, versions),
    gallery: () => openGallery(page),
    palette: () => openPalette(page),
    spending: () => openSpending(page),
    queue: () => queue.open(),
    several: (draft, sent) => openSeveral(page, draft, sent),
  };
  const queue = new Queue(page);
  mountArrivals(page); // before the canvas, which asks it how a picture comes
  const conversation = h("div", { class: "kx-conversation", id: "kx-conversation" });
  const composer = h("div", { class: "kx-compose", id: "kx-composer" });
  fill(panel("chat"), h("h2", { class: "kx-unseen" }, "Conversation"), conversation, composer);
  page.panels = new PanelsPart();
  const top = mountTop(panel("top"), page, queue.chip);
  page.show = (view) => {
    top.show(view);
    page.panels.reveal(view);
  };
  page.canvas = mountCanvas(panel("canvas"), page);
  page.composer = mountComposer(composer, page);
  mountConversation(conversation, page);
  document.body.prepend(button("kx-link kx-skip", "Skip to the instruction", () => page.composer.focus()));
  page.history = mountTree(panel("tree"), page);
  addBorders(panel("chat"), panel("tree"));
  followHead(page);
  new Marks(page);
  listenToKeys(page);
  return page;
}

const page = mount();
keepFollowing();
const moving = openedLink();
await open(moving ? null : location.hash.slice(1) || null, window.kxState ?? null);
applyTheme(store.preferences.theme);
document.getElementById("kx-skeleton")?.remove();
sending.recover(page);
document.documentElement.dataset.kxReady = "yes";
if (moving) offerMove(moving, page);
