// Line icons on a 20 × 20 grid, drawn in the current colour.
import { svg } from "./dom.js";

const PATHS = {
  send: "M10 16V4M5 9l5-5 5 5",
  stop: "M6 6h8v8H6z",
  undo: "M8 5 4 9l4 4M4 9h8a4 4 0 0 1 0 8h-2",
  redo: "M12 5l4 4-4 4M16 9H8a4 4 0 0 0 0 8h2",
  compare: "M10 3v14M4 5h6v10H4zM10 5h6v10h-6",
  peek: "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  mask: "M4 16l3-1 9-9-2-2-9 9zM12 6l2 2",
  changed: "M3 3h14v14H3zM7 10c0-2 1-3 3-3s3 1 3 3-1 3-3 3-3-1-3-3z",
  download: "M10 3v9M6 9l4 4 4-4M4 17h12",
  upload: "M10 13V4M6 8l4-4 4 4M4 17h12",
  plus: "M10 4v12M4 10h12",
  image: "M3 4h14v12H3zM3 13l4-4 3 3 3-3 4 4M12.5 8a1 1 0 1 0 0-2 1 1 0 0 0 0 2",
  left: "M12 5l-5 5 5 5",
  right: "M8 5l5 5-5 5",
  close: "M5 5l10 10M15 5 5 15",
  menu: "M4 6h12M4 10h12M4 14h12",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  grid: "M4 4h5v5H4zM11 4h5v5h-5zM4 11h5v5H4zM11 11h5v5h-5z",
  star: "M10 3l2.1 4.5 4.9.6-3.6 3.4.9 4.9-4.3-2.4-4.3 2.4.9-4.9L3 8.1l4.9-.6z",
  search: "M9 14A5 5 0 1 0 9 4a5 5 0 0 0 0 10zM13 13l4 4",
  settings: "M4 6h7M15 6h1M4 14h1M9 14h7M13 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM7 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4",
  gear: "M8.5 4.5L8.7 2.5L11.3 2.5L11.5 4.5L12.9 5.1L14.4 3.8L16.2 5.6L14.9 7.1L15.5 8.5L17.5 8.7L17.5 11.3L15.5 11.5L14.9 12.9L16.2 14.4L14.4 16.2L12.9 14.9L11.5 15.5L11.3 17.5L8.7 17.5L8.5 15.5L7.1 14.9L5.6 16.2L3.8 14.4L5.1 12.9L4.5 11.5L2.5 11.3L2.5 8.7L4.5 8.5L5.1 7.1L3.8 5.6L5.6 3.8L7.1 5.1zM10 12.4a2.4 2.4 0 1 0 0-4.8 2.4 2.4 0 0 0 0 4.8z",
  theme: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
  help: "M7.5 7.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M10 15h.01",
  chat: "M3 4h14v9H9l-4 3v-3H3z",
  tree: "M6 5v10M6 9h5a3 3 0 0 0 3-3M6 5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM6 18a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM14 6a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3z",
  retry: "M15 7A6 6 0 1 0 16 11M16 3v4h-4",
  edit: "M4 16l1-4 8-8 3 3-8 8zM11 6l3 3",
  fork: "M6 4v12M6 10c5 0 8-1 8-5",
  trash: "M4 6h12M8 6V4h4v2M6 6l1 11h6l1-11",
  copy: "M7 7h9v9H7zM4 13V4h9",
  warning: "M10 4l7 12H3zM10 9v3M10 14h.01",
  coin: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM12.2 7.6c-.4-.7-1.200-1-2.200-1-1.300 0-2.200.6-2.200 1.600 0 2.400 4.500 1.200 4.500 3.700 0 1-1 1.600-2.300 1.600-1.100 0-2-.4-2.400-1.200M10 5.500v9",
  fit: "M3 4h14v12H3zM7 7.5h6v5H7z",
  expand: "M4 8V4h4M16 8V4h-4M4 12v4h4M16 12v4h-4",
  "panel-left": "M3 4h14v12H3zM8 4v12",
  "panel-right": "M3 4h14v12H3zM12 4v12",
  eraser: "M8 16l-4-4 8-8 5 5-7 7zM8 16h8",
  invert: "M10 3a7 7 0 1 0 0 14zM10 3v14",
  rectangle: "M4 5h12v10H4z",
  check: "M4 10l4 4 8-8",
  idea: "M8 14.5h4M8.5 17h3M10 3a5 5 0 0 0-2.6 9.3v2.2h5.2v-2.2A5 5 0 0 0 10 3z",
  build: "M3 6h14M3 10h4M11 10h6M3 14h10",
  find: "M10 3v3M10 14v3M3 10h3M14 10h3M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
};

/** @typedef {keyof typeof PATHS} IconName */

/** @param {IconName} name */
export function icon(name) {
  const drawing = svg("svg", { viewBox: "0 0 20 20", class: "kx-icon", "aria-hidden": "true", focusable: "false" });
  drawing.append(svg("path", { d: PATHS[name] }));
  return drawing;
}
