// Painting on a mask. Only how opaque the ink is counts: opaque is where the edit may work.

import { grown } from "./growing.js";

/** @import { Point, Size } from "./geometry.js" */
/** @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Context */

/** Seen on every picture. */
export const INK = "#ff2d6f";
const INK_WORD = 0x6f2dff;

/**
 * @param {Context} context
 * @param {Point} from
 * @param {Point} to
 * @param {{width: number, erases: boolean}} brush
 */
export function stroke(context, from, to, { width, erases }) {
  context.globalCompositeOperation = erases ? "destination-out" : "source-over";
  context.strokeStyle = INK;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x + 0.01, to.y); // a line without length would not be drawn
  context.stroke();
  context.globalCompositeOperation = "source-over";
}

/** @param {Context} context @param {Point[]} shape */
export function fillShape(context, [first, ...others]) {
  context.fillStyle = INK;
  context.beginPath();
  context.moveTo(first.x, first.y);
  for (const { x, y } of others) context.lineTo(x, y);
  context.fill();
}

/** Distances are measured on a copy of at most this many pixels a side, which takes a blink. */
const GROWN_SIDE_PX = 1280;

/**
 * @param {Context} context
 * @param {HTMLCanvasElement} painted
 * @param {number} by pixels of the mask; below 0 it shrinks
 */
export function growInk(context, painted, by) {
  const scale = Math.min(1, GROWN_SIDE_PX / Math.max(painted.width, painted.height));
  const [width, height] = [painted.width, painted.height].map((side) => Math.max(1, Math.round(side * scale)));
  const small = flat({ width, height });
  small.drawImage(painted, 0, 0, width, height);
  const pixels = small.getImageData(0, 0, width, height);
  const words = new Uint32Array(pixels.data.buffer);
  const alpha = Uint8ClampedArray.from(words, (word) => word >>> 24);
  grown(alpha, width, height, by * scale).forEach((opaque, at) => {
    words[at] = (opaque << 24) | INK_WORD;
  });
  small.putImageData(pixels, 0, 0);
  context.clearRect(0, 0, painted.width, painted.height);
  context.drawImage(small.canvas, 0, 0, painted.width, painted.height);
}

/** @param {Context} context @param {Size} size */
export function invert(context, { width, height }) {
  context.globalCompositeOperation = "xor";
  context.fillStyle = INK;
  context.fillRect(0, 0, width, height);
  context.globalCompositeOperation = "source-over";
}

/**
 * A stored mask as ink: as opaque as the mask is white.
 * @param {CanvasImageSource} stored
 * @param {Size} size
 */
export function inked(stored, { width, height }) {
  const context = flat({ width, height });
  context.drawImage(stored, 0, 0, width, height);
  const pixels = context.getImageData(0, 0, width, height);
  const words = new Uint32Array(pixels.data.buffer);
  for (let at = 0; at < words.length; at += 1) words[at] = ((words[at] & 0xff) << 24) | INK_WORD;
  return pixels;
}

/**
 * What is painted as a black and white picture; `null` when nothing is.
 * @param {HTMLCanvasElement} painted
 * @returns {Promise<Blob> | null}
 */
export function blackAndWhite(painted) {
  const context = flat(painted);
  context.drawImage(painted, 0, 0);
  const { data } = context.getImageData(0, 0, painted.width, painted.height);
  if (!data.some((value, index) => index % 4 === 3 && value > 0)) return null;
  for (const [how, colour] of /** @type {const} */ ([
    ["source-in", "#fff"],
    ["destination-over", "#000"],
  ])) {
    context.globalCompositeOperation = how;
    context.fillStyle = colour;
    context.fillRect(0, 0, painted.width, painted.height);
  }
  return context.canvas.convertToBlob({ type: "image/png" });
}

const SHARE_SIDE_PX = 128;

/** How much of a painting is covered, 0..1. @param {HTMLCanvasElement} painted */
export function shareOf(painted) {
  const context = flat({ width: SHARE_SIDE_PX, height: SHARE_SIDE_PX });
  context.drawImage(painted, 0, 0, SHARE_SIDE_PX, SHARE_SIDE_PX);
  const { data } = context.getImageData(0, 0, SHARE_SIDE_PX, SHARE_SIDE_PX);
  const covered = data.reduce((sum, value, index) => (index % 4 === 3 ? sum + value : sum), 0);
  return covered / (255 * SHARE_SIDE_PX * SHARE_SIDE_PX);
}

/** @param {Size} size */
function flat({ width, height }) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser gave no canvas to draw on.");
  return context;
}
