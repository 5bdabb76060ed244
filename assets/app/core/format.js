// Numbers as people read them.

/** @typedef {number | null | undefined} Maybe */

/** @param {Maybe} value */
export function seconds(value) {
  if (value === null || value === undefined) return "";
  if (value < 0.1) return "under 0.1 s";
  if (value < 10) return `${Number(value.toFixed(1))} s`;
  return value < 90 ? `${Math.round(value)} s` : `${Math.round(value / 60)} min`;
}

/** @param {Maybe} usd */
export function price(usd) {
  if (usd === null || usd === undefined) return "price known afterwards";
  if (usd === 0) return "free";
  return `$${usd < 0.1 ? usd.toFixed(3).replace(/0$/, "") : usd.toFixed(2)}`;
}

/** A sum, of which nothing is a possible amount. @param {Maybe} usd */
export function dollars(usd) {
  return usd ? price(usd) : "$0.00";
}

/** As the sentences of the engines round it. @param {Maybe} share */
export function percent(share) {
  if (share === null || share === undefined) return "";
  if (share === 0) return "0%";
  return share < 0.01 ? "under 1%" : `${Math.round(share * 100)}%`;
}

/** @param {number} count @param {string} noun */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** @param {string} name a field's name */
export function words(name) {
  return name.replaceAll("_", " ");
}

/** What went wrong and what to do. @param {{message: string, hint?: string}} error */
export const sentence = (error) => [error.message, error.hint].filter(Boolean).join(" ");

/** Names and stages come in small letters. @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
