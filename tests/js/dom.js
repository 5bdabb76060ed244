// As much of a document as lists of elements need; enough to test without a browser.

export class FakeElement {
  constructor(name = "") {
    this.name = name;
    this.children = [];
    this.parent = null;
    this.moves = 0;
  }

  insertBefore(child, before) {
    child.remove();
    const at = before ? this.children.indexOf(before) : this.children.length;
    this.children.splice(at, 0, child);
    child.parent = this;
    this.moves += 1;
  }

  remove() {
    if (this.parent) this.parent.children = this.parent.children.filter((child) => child !== this);
    this.parent = null;
  }

  replaceWith(other) {
    const { parent } = this;
    parent.children = parent.children.map((child) => (child === this ? other : child));
    other.parent = parent;
    this.parent = null;
  }

  replaceChildren() {
    for (const child of [...this.children]) child.remove();
  }
}

/** A drawing context that notes what it is told to do, and how it was set then. */
export class FakeContext {
  globalCompositeOperation = "source-over";
  drawn = [];

  beginPath() {}

  moveTo(x, y) {
    this.from = { x, y };
  }

  lineTo(x, y) {
    this.to = { x, y };
  }

  stroke() {
    this.drawn.push({ how: this.globalCompositeOperation, width: this.lineWidth, from: this.from, to: this.to });
  }

  fillRect(x, y, width, height) {
    this.drawn.push({ how: this.globalCompositeOperation, colour: this.fillStyle, x, y, width, height });
  }
}
