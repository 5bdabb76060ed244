// A menu is asked for by the right button, by the menu key, or by a finger that rests.

const HELD_MS = 500;
const STILL_PX = 10;

/**
 * Call `open` with the element below `list` that matches, and the point, unless a key asked.
 * @param {HTMLElement} list
 * @param {string} selector
 * @param {(element: HTMLElement, at: {x: number, y: number} | null) => void} open
 */
export function onMenuWanted(list, selector, open) {
  let timer = 0;
  let held = false;
  let from = { x: 0, y: 0 };
  /** @param {Event} event @returns {HTMLElement | null} */
  const target = (event) => /** @type {Element} */ (event.target).closest(selector);
  const stop = () => clearTimeout(timer);
  list.addEventListener("contextmenu", (event) => {
    const element = target(event);
    if (!element) return;
    event.preventDefault();
    stop();
    if (!held) open(element, event.button === 2 ? { x: event.clientX, y: event.clientY } : null);
  });
  list.addEventListener("pointerdown", (event) => {
    held = false;
    const element = target(event);
    if (event.pointerType === "mouse" || !event.isPrimary || !element) return stop();
    from = { x: event.clientX, y: event.clientY };
    timer = window.setTimeout(() => {
      held = true;
      open(element, from);
    }, HELD_MS);
  });
  list.addEventListener("pointermove", (event) => {
    if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > STILL_PX) stop();
  });
  for (const end of ["pointerup", "pointercancel"]) list.addEventListener(end, stop);
  // The finger that is lifted from an open menu's version must not choose it as well.
  list.addEventListener("click", (event) => held && event.stopPropagation(), true);
}
