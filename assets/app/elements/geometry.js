// Where a picture stands in its stage, as plain numbers.

/** @typedef {{x: number, y: number}} Point */
/** @typedef {{width: number, height: number}} Size */
/** @typedef {{scale: number, x: number, y: number}} View Scale 1 shows one picture pixel as one CSS pixel. */
/** @typedef {{x: number, y: number, width: number, height: number}} Rectangle */

export const MAX_SCALE = 16;
const MAX_FIT_SCALE = 4;
const MARGIN_PX = 24;
const PREVIEW_PX = 2048;
/** A preview may be drawn a little larger than it is before anyone sees it. */
const ENOUGH_PX = 2300;

/**
 * The scale at which a picture is seen whole.
 * @param {Size} picture
 * @param {Size} stage
 */
export function fitScale(picture, stage) {
  const across = (stage.width - 2 * MARGIN_PX) / picture.width;
  const down = (stage.height - 2 * MARGIN_PX) / picture.height;
  return Math.max(0.01, Math.min(across, down, MAX_FIT_SCALE));
}

/**
 * The view at another scale, where the point `at` of the stage stays on the same spot of the picture.
 * @param {View} view
 * @param {number} scale
 * @param {Point} at
 * @param {number} smallest
 * @returns {View}
 */
export function zoomed(view, scale, at, smallest) {
  const next = Math.max(smallest, Math.min(scale, MAX_SCALE));
  const by = next / view.scale;
  return { scale: next, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by };
}

/**
 * What is smaller than the stage stays in its middle, what is larger leaves no gap.
 * @param {View} view
 * @param {Size} picture
 * @param {Size} stage
 * @returns {View}
 */
export function settled(view, picture, stage) {
  return {
    scale: view.scale,
    x: settledSide(view.x, picture.width * view.scale, stage.width),
    y: settledSide(view.y, picture.height * view.scale, stage.height),
  };
}

/** @param {number} at @param {number} length @param {number} room */
function settledSide(at, length, room) {
  if (length <= room) return (room - length) / 2;
  return Math.min(MARGIN_PX, Math.max(room - length - MARGIN_PX, at));
}

/**
 * By how much a turn of the wheel zooms: up is closer.
 * @param {Pick<WheelEvent, "deltaY" | "deltaMode">} event
 */
export function wheelFactor({ deltaY, deltaMode }) {
  return Math.exp(-deltaY * (deltaMode ? 0.05 : 0.0016));
}

/**
 * Whether the preview is too coarse for how large the picture is shown, so that the stored picture is needed.
 * @param {Size} picture
 * @param {number} scale
 * @param {number} pixelRatio pixels of the screen for one of the page
 */
export function needsFull(picture, scale, pixelRatio) {
  const longest = Math.max(picture.width, picture.height);
  return longest > PREVIEW_PX && longest * scale * pixelRatio > ENOUGH_PX;
}

/**
 * The rectangle between two points, whole pixels inside the picture.
 * @param {Point} from
 * @param {Point} to
 * @param {Size} picture
 * @returns {Rectangle}
 */
export function rectangleBetween(from, to, picture) {
  const [x0, x1] = between(from.x, to.x, picture.width);
  const [y0, y1] = between(from.y, to.y, picture.height);
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
}

/** @param {number} a @param {number} b @param {number} most */
function between(a, b, most) {
  const inside = [a, b].map((value) => Math.round(Math.max(0, Math.min(most, value))));
  return inside.sort((one, other) => one - other);
}

/**
 * The size of a mask: the picture's own, up to a limit on its longest side.
 * @param {Size} picture
 * @param {number} maxSide
 * @returns {Size}
 */
export function maskSize({ width, height }, maxSide) {
  const factor = Math.min(1, maxSide / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}
