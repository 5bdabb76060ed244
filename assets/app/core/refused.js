// What stands in the page's place when the server lets nobody in: why, and the way round it where there is one.
import { fill, h } from "./dom.js";

const ID = "kx-refused";

/** @param {string} message */
export function showRefusal(message) {
  const place = document.getElementById(ID) ?? h("div", { id: ID, role: "alert" });
  // In another site's frame a browser may keep cookies from us; the page by itself gets them.
  const alone = window.parent !== window && link("Open the page by itself", location.href);
  fill(place, h("p", {}, message), alone);
  document.getElementById("kx-skeleton")?.remove(); // it would lie over this
  document.body.append(place);
}

export function clearRefusal() {
  document.getElementById(ID)?.remove();
}

/** @param {string} text @param {string} href */
function link(text, href) {
  return h("a", { class: "kx-link", href, target: "_blank", rel: "noopener" }, text);
}
