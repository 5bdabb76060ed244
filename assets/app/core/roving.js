// Several controls as one stop of the Tab key: arrows go from one to the next.

const CONTROLS = "button, a[href], summary, select, input";

/** @param {Element} group @returns {HTMLElement[]} those that can have the focus now */
export function controlsOf(group) {
  const all = /** @type {NodeListOf<HTMLElement>} */ (group.querySelectorAll(CONTROLS));
  return [...all].filter((one) => !one.matches(":disabled, [hidden]"));
}

/**
 * Let the Tab key stop at one of the group's controls, or at none of them.
 * @param {Element} group
 * @param {HTMLElement | null} wanted the first one where it is not among them; `null` for none
 */
export function stopAt(group, wanted) {
  const controls = controlsOf(group);
  const stop = wanted && (controls.includes(wanted) ? wanted : controls[0]);
  for (const one of controls) {
    const index = one === stop ? "0" : "-1";
    if (one.getAttribute("tabindex") !== index) one.setAttribute("tabindex", index);
  }
}

/** Where the Tab key stops in the group now. @param {Element} group */
export function stopOf(group) {
  return controlsOf(group).find((one) => one.getAttribute("tabindex") === "0") ?? null;
}

/** Left and right, Home and End go through a group. @param {HTMLElement} group */
export function roving(group) {
  group.addEventListener("keydown", (event) => {
    const to = stepTo(event.key, controlsOf(group), "ArrowLeft", "ArrowRight");
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    stopAt(group, to);
    to.focus();
    to.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  return group;
}

/**
 * Where a key leads from the element that has the focus; nowhere with another key, or from a field.
 * @param {string} key
 * @param {HTMLElement[]} all
 * @param {string} back
 * @param {string} on
 */
export function stepTo(key, all, back, on) {
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  /** @type {Record<string, number>} */
  const moves = { [on]: at + 1, [back]: at - 1, Home: 0, End: all.length - 1 };
  if (moves[key] === undefined || !all.length || document.activeElement instanceof HTMLInputElement) return null;
  return all[(moves[key] + all.length) % all.length];
}
