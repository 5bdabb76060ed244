// Zoom and pan: a world of picture pixels, placed in a stage by one transform.

const MAX_SCALE = 16;
const MARGIN_PX = 24;

/** `onchange` is called after every move. Scale 1 shows one picture pixel as one CSS pixel. */
export function makeViewer(stage, world, onchange) {
  const view = { scale: 1, x: 0, y: 0, width: 1, height: 1, fitted: true };
  const pointers = new Map();
  let locked = () => false;

  const fitScale = () => {
    const { clientWidth, clientHeight } = stage;
    const scale = Math.min((clientWidth - 2 * MARGIN_PX) / view.width, (clientHeight - 2 * MARGIN_PX) / view.height);
    return Math.max(0.01, Math.min(scale, 4));
  };

  function place() {
    // What is smaller than the stage stays in its middle, what is larger leaves no gap.
    const [w, h] = [view.width * view.scale, view.height * view.scale];
    const { clientWidth, clientHeight } = stage;
    view.x = w <= clientWidth ? (clientWidth - w) / 2 : Math.min(MARGIN_PX, Math.max(clientWidth - w - MARGIN_PX, view.x));
    view.y = h <= clientHeight ? (clientHeight - h) / 2 : Math.min(MARGIN_PX, Math.max(clientHeight - h - MARGIN_PX, view.y));
    world.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    world.style.imageRendering = view.scale >= 4 ? "pixelated" : "auto";
    world.style.setProperty("--scale", view.scale);
    onchange?.(view);
  }

  function fit() {
    view.fitted = true;
    view.scale = fitScale();
    place();
  }

  function zoomTo(scale, at = { x: stage.clientWidth / 2, y: stage.clientHeight / 2 }) {
    const next = Math.max(Math.min(fitScale(), 1) / 2, Math.min(scale, MAX_SCALE));
    view.x = at.x - ((at.x - view.x) * next) / view.scale;
    view.y = at.y - ((at.y - view.y) * next) / view.scale;
    view.scale = next;
    view.fitted = false;
    place();
  }

  /** The picture of another version: the same view when it has the same size. */
  function resize(width, height) {
    const same = view.width === width && view.height === height;
    Object.assign(view, { width, height });
    Object.assign(world.style, { width: `${width}px`, height: `${height}px` });
    if (!same || view.fitted) fit();
    else place();
  }

  const local = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const toPicture = (event) => {
    const at = local(event);
    return { x: (at.x - view.x) / view.scale, y: (at.y - view.y) / view.scale };
  };

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey || !event.shiftKey) zoomTo(view.scale * Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), local(event));
  }, { passive: false });

  stage.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button, input, a, [role=slider]") || (locked() && event.button !== 1 && !event.shiftKey && event.pointerType !== "touch")) return;
    if (locked() && event.pointerType === "touch" && pointers.size === 0 && event.isPrimary) { pointers.set(event.pointerId, local(event)); return; }
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, local(event));
    stage.classList.add("kx-panning");
  });
  stage.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = local(event);
    if (pointers.size === 2) {
      const other = [...pointers.entries()].find(([id]) => id !== event.pointerId)[1];
      const [old, fresh] = [Math.hypot(before.x - other.x, before.y - other.y), Math.hypot(now.x - other.x, now.y - other.y)];
      if (old > 0) zoomTo((view.scale * fresh) / old, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    } else if (!locked()) {
      view.x += now.x - before.x;
      view.y += now.y - before.y;
      place();
    }
    pointers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      if (!pointers.size) stage.classList.remove("kx-panning");
    });
  }
  stage.addEventListener("dblclick", (event) => {
    if (locked() || event.target.closest("button")) return;
    if (view.fitted) zoomTo(1, local(event));
    else fit();
  });
  new ResizeObserver(() => (view.fitted ? fit() : place())).observe(stage);

  return { view, fit, zoomTo, resize, toPicture, local, touches: () => pointers.size, lockPan: (test) => { locked = test; } };
}
