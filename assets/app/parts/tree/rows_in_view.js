// Rows of various heights, one below the other: where each stands, and which are in view.

const OVERSCAN_PX = 240;

export class RowsInView {
  /** @type {number[]} Where each row begins; one more than there are rows, for the end of the last. */
  tops = [0];

  /** @param {number[]} heights */
  measure(heights) {
    this.tops = [0];
    for (const height of heights) this.tops.push(/** @type {number} */ (this.tops.at(-1)) + height);
  }

  get height() {
    return /** @type {number} */ (this.tops.at(-1));
  }

  /** The row at this height. @param {number} y */
  at(y) {
    let [low, high] = [0, Math.max(0, this.tops.length - 2)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.tops[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The first row that is worth drawing, and the one after the last. @param {number} scrolled @param {number} room */
  range(scrolled, room) {
    if (this.tops.length < 2) return [0, 0];
    return [this.at(scrolled - OVERSCAN_PX), this.at(scrolled + room + OVERSCAN_PX) + 1];
  }

  /**
   * How far to scroll so that a row is seen: not at all where it is, to the middle where it is far away.
   * @param {number} row
   * @param {number} scrolled
   * @param {number} room
   */
  reveal(row, scrolled, room) {
    const [top, bottom] = [this.tops[row], this.tops[row + 1]];
    if (top >= scrolled && bottom <= scrolled + room) return scrolled;
    const [above, below] = [top - scrolled, bottom - scrolled - room];
    if (above < 0 && -above < room / 2) return top;
    if (below > 0 && below < room / 2) return scrolled + below;
    return Math.max(0, (top + bottom - room) / 2);
  }
}
