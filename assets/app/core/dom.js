// Building DOM without HTML strings: text is always text.

/** @import { Child, Children } from "./page.d.ts" */
/**
 * @typedef {{
 *   [name: string]: unknown,
 *   onclick?: ((event: MouseEvent) => unknown) | null,
 *   onchange?: (event: Event) => unknown,
 *   oninput?: (event: Event) => unknown,
 *   onsubmit?: (event: SubmitEvent) => unknown,
 *   onpaste?: (event: ClipboardEvent) => unknown,
 *   onkeydown?: (event: KeyboardEvent) => unknown,
 *   onpointerdown?: (event: PointerEvent) => unknown,
 * }} Props Attributes; what begins with "on" is a listener.
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * h("button", {class: "x", onclick: fn, "aria-label": "Send"}, child, "text", [more])
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} props
 * @param {Children[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...flat(children));
  return element;
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Children[]} children
 * @returns {E}
 */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

/**
 * @param {Children[]} children
 * @returns {(Node | string)[]}
 */
function flat(children) {
  const nested = /** @type {Child[]} */ (/** @type {unknown[]} */ (children).flat(Number.POSITIVE_INFINITY));
  const shown = nested.filter((child) => child !== null && child !== undefined && child !== false && child !== "");
  return shown.map((child) => (child instanceof Node ? child : String(child)));
}

/**
 * An SVG element; used for icons and the tree's edges.
 * @param {string} tag
 * @param {Record<string, string | number>} props
 * @param {Node[]} children
 */
export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * A button with words on it.
 * @param {string} looks its class: kx-button, kx-chip or kx-link
 * @param {Children} label
 * @param {() => unknown} run
 * @param {Props} props
 */
export function button(looks, label, run, props = {}) {
  return h("button", { type: "button", class: looks, onclick: () => run(), ...props }, label);
}

/**
 * A button with an icon and an accessible name, which is also its tooltip.
 * @param {Children} icon
 * @param {string} label
 * @param {(() => unknown) | null} run
 * @param {Props} props
 */
export function iconButton(icon, label, run, props = {}) {
  const onclick = run && (() => run());
  return h(
    "button",
    { type: "button", class: "kx-icon-button", "aria-label": label, title: label, onclick, ...props },
    icon,
  );
}

/**
 * @param {boolean} checked
 * @param {(checked: boolean) => unknown} change
 * @param {Props} props
 */
export function checkbox(checked, change, props = {}) {
  /** @type {HTMLInputElement} */
  const box = h("input", { type: "checkbox", onchange: () => change(box.checked), ...props });
  box.checked = checked;
  return box;
}

/**
 * A hidden field that asks for files.
 * @param {Props} props
 * @param {(files: File[]) => unknown} run
 */
export function fileField(props, run) {
  /** @type {HTMLInputElement} */
  const field = h("input", {
    type: "file",
    hidden: true,
    ...props,
    onchange: () => {
      const files = [...(field.files ?? [])];
      field.value = ""; // so that the same file can be chosen again
      run(files);
    },
  });
  return field;
}

/** Give it another accessible name, which is also its tooltip. @param {HTMLElement} element @param {string} label */
export function named(element, label) {
  element.setAttribute("aria-label", label);
  element.title = label;
}

/** @param {HTMLElement} element @param {string} name @param {boolean} on */
export function setState(element, name, on) {
  element.setAttribute(`aria-${name}`, String(on));
}

/**
 * Run `fn` once it has not been asked for during `delay_ms`.
 * @param {() => unknown} fn
 * @param {number} delay_ms
 */
export function debounce(fn, delay_ms) {
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = window.setTimeout(fn, delay_ms);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}
