// A link by which this visitor comes to another browser, and what the other browser asks before it follows one.
import { url } from "../../core/api.js";
import { dialogOf } from "../../core/dialog.js";
import { button, fill, h } from "../../core/dom.js";
import { counted, sentence } from "../../core/format.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { ProjectRow } from "../../core/types.d.ts" */

const ABOUT =
  "A cookie is all that lets this browser see your projects. A link carries them to another device, or brings them " +
  "back after the cookie is gone.";
const ONCE =
  "It works once, until tomorrow at this time, and a new link ends the one before. Whoever opens it can do here all " +
  "that you can: give it to nobody.";
const ASKED =
  "This link makes this browser that of whoever made it: both see the same projects from then on, and all that " +
  "either of them does. Go on only if you made it yourself.";
const PREFIX = "#move=";

/** What a moving link in the address bar holds, if one was opened. */
export function openedLink() {
  return location.hash.startsWith(PREFIX) ? location.hash.slice(PREFIX.length) : "";
}

/** @param {Page} page */
export function movingLink(page) {
  const made = h("div", { role: "status" });
  const make = async () => {
    const answer = await page.call("make_moving_link");
    if (answer.error) return;
    // Behind the "#", so that it reaches no server's log and no program that looks at links in a chat.
    const link = h("input", { readonly: true, value: `${url("../")}${PREFIX}${answer.result.token}` });
    fill(made, h("label", { class: "kx-field" }, h("span", {}, "Open this on the other device"), link), note(ONCE));
    link.focus();
    link.select();
  };
  return h(
    "div",
    { class: "kx-moving-link" },
    note(ABOUT),
    button("kx-button", "Make a link", make, { id: "kx-make-link" }),
    made,
  );
}

/** @param {string} token @param {Page} page */
export async function offerMove(token, page) {
  const { result } = await page.call("list_projects", {}, { quiet: true });
  const own = /** @type {ProjectRow[]} */ (result ?? []).filter((project) => project.version_count > 0).length;
  const said = h("p", { class: "kx-warning", role: "alert" });
  /** @param {boolean} bring */
  const move = async (bring) => {
    const error = await follow(token, bring);
    if (error) fill(said, error);
  };
  const here =
    own > 0 && note(`This browser has ${counted(own, "project")} of its own. Nobody can open what is left behind.`);
  dialogOf("Follow this link?", [
    note(ASKED),
    here,
    h(
      "div",
      { class: "kx-row kx-moving" },
      own > 0 && button("kx-button kx-primary", `Go on and bring ${own === 1 ? "it" : "them"} along`, () => move(true)),
      button(own > 0 ? "kx-button" : "kx-button kx-primary", own > 0 ? "Go on and leave what is here" : "Go on", () =>
        move(false),
      ),
    ),
    said,
  ]);
}

/** Ends with another page, or with why not. @param {string} token @param {boolean} bring */
async function follow(token, bring) {
  try {
    const response = await fetch(url("move"), {
      method: "POST",
      headers: { "content-type": "application/json" },
      credentials: "same-origin",
      body: JSON.stringify({ token, bring }),
    });
    const answer = await response.json();
    if (answer.error) return sentence(answer.error);
    location.replace(url("../"));
    return "";
  } catch {
    return "The program cannot be reached just now. Try again in a moment.";
  }
}

/** @param {string} text */
function note(text) {
  return h("p", { class: "kx-muted kx-moving-about" }, text);
}
