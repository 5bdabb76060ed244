// Growing and shrinking what is painted on a mask, by exact distances.

/** Squared pixels: further than any two, and small enough to be added to them without loss. */
const FAR = 1e12;
const HALF = 128;

/**
 * Squared distances along one line, where `line` holds what is known of each place so far (Felzenszwalb and
 * Huttenlocher, "Distance transforms of sampled functions").
 * @param {Float64Array} line
 * @param {number} length
 * @param {{hull: Int32Array, ends: Float64Array, out: Float64Array}} room
 */
function transform(line, length, { hull, ends, out }) {
  let last = 0;
  hull[0] = 0;
  ends[0] = Number.NEGATIVE_INFINITY;
  ends[1] = Number.POSITIVE_INFINITY;
  for (let at = 1; at < length; at += 1) {
    let cut = meets(line, at, hull[last]);
    while (cut <= ends[last]) {
      last -= 1;
      cut = meets(line, at, hull[last]);
    }
    last += 1;
    hull[last] = at;
    ends[last] = cut;
    ends[last + 1] = Number.POSITIVE_INFINITY;
  }
  last = 0;
  for (let at = 0; at < length; at += 1) {
    while (ends[last + 1] < at) last += 1;
    out[at] = (at - hull[last]) ** 2 + line[hull[last]];
  }
}

/** Where the parabolas over two places meet. @param {Float64Array} line @param {number} a @param {number} b */
const meets = (line, a, b) => (line[a] + a * a - line[b] - b * b) / (2 * a - 2 * b);

/**
 * The squared distance of every pixel to the nearest that is inside, row by row.
 * @param {Uint8Array} inside
 * @param {number} width
 * @param {number} height
 */
function distances(inside, width, height) {
  const most = Math.max(width, height);
  const room = { hull: new Int32Array(most), ends: new Float64Array(most + 1), out: new Float64Array(most) };
  const line = new Float64Array(most);
  const squared = Float64Array.from(inside, (one) => (one ? 0 : FAR));
  for (let x = 0; x < width; x += 1) {
    for (let y = 0; y < height; y += 1) line[y] = squared[y * width + x];
    transform(line, height, room);
    for (let y = 0; y < height; y += 1) squared[y * width + x] = room.out[y];
  }
  for (let y = 0; y < height; y += 1) {
    line.set(squared.subarray(y * width, (y + 1) * width));
    transform(line, width, room);
    squared.set(room.out.subarray(0, width), y * width);
  }
  return squared;
}

/**
 * How opaque each pixel is once all that is painted reaches `by` pixels further; below 0 it withdraws. The edge is one
 * pixel soft. What leaves the picture has no edge there, so that shrinking does not come in from its border.
 * @param {Uint8ClampedArray} alpha
 * @param {number} width
 * @param {number} height
 * @param {number} by
 */
export function grown(alpha, width, height, by) {
  const painted = by > 0;
  const inside = Uint8Array.from(alpha, (value) => Number(value >= HALF === painted));
  const reach = Math.abs(by);
  const away = distances(inside, width, height);
  return Uint8ClampedArray.from(away, (squared) => {
    const covered = Math.max(0, Math.min(1, reach + 1 - Math.sqrt(squared)));
    return Math.round(255 * (painted ? covered : 1 - covered));
  });
}
