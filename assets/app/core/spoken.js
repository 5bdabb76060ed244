// The program's own sentences with addresses and commands in them. Never for what a provider or a visitor wrote.
import { h } from "./dom.js";

const PARTS = /(`[^`]+`|https:\/\/[^\s`<>"]*[^\s`<>".,;:)])/;

/**
 * Texts and elements for `fill` and `h`: an address as a link, what stands in backticks as code.
 * @param {string} text
 */
export function spoken(text) {
  return text
    .split(PARTS)
    .filter(Boolean)
    .map((part) => {
      if (part.startsWith("`") && part.length > 2) return h("code", {}, part.slice(1, -1));
      if (part.startsWith("https://")) return h("a", { href: part, target: "_blank", rel: "noopener" }, part);
      return part;
    });
}
