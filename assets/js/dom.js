// Building DOM without HTML strings: text is always text.

const SVG = "http://www.w3.org/2000/svg";

/**
 * h("button", {class: "x", onclick: fn, "aria-label": "Send"}, child, "text", [more])
 * Children that are null, undefined or false are left out.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  set(element, props);
  element.append(...flat(children));
  return element;
}

export function set(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, String(value));
  }
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** An SVG element; used for icons and the tree's edges. */
export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** A button with an icon and an accessible name, which is also its tooltip. */
export function iconButton(icon, label, onclick, props = {}) {
  return h("button", { type: "button", class: "kx-icon-button", "aria-label": label, title: label, onclick, ...props }, icon);
}

export function seconds(value) {
  if (value === null || value === undefined) return "";
  if (value < 0.1) return "under 0.1 s";
  return value < 10 ? `${Number(value.toFixed(1))} s` : value < 90 ? `${Math.round(value)} s` : `${Math.round(value / 60)} min`;
}

export function price(usd) {
  if (usd === null || usd === undefined) return "price known afterwards";
  return usd === 0 ? "free" : `$${usd < 0.1 ? usd.toFixed(3).replace(/0$/, "") : usd.toFixed(2)}`;
}

export function percent(share) {
  if (share === null || share === undefined) return "";
  if (share === 0) return "0%";
  return share < 0.01 ? "under 1%" : `${Math.round(share * 100)}%`; // as the sentences of the engines round it
}

export function debounce(fn, delay_ms) {
  let timer = 0;
  const later = (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), delay_ms);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}
