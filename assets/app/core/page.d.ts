// What the parts of the page can do for each other. `main.js` puts them together; commands reach them through this.

import type { KxCompare } from "../elements/kx-compare.js";
import type { KxMask } from "../elements/kx-mask.js";
import type { KxViewer } from "../elements/kx-viewer.js";
import type { Answer } from "./api.js";
import type { Store } from "./store.js";
import type { EditDraft, ProjectRow, VersionRow } from "./types.d.ts";

export type Child = Node | string | number | null | undefined | false;
/** Nested lists are flattened; null, undefined, false and "" are left out. */
export type Children = Child | Children[];

export type View = "chat" | "image" | "tree";
export type Mode = "view" | "compare" | "mask";

export interface Canvas {
  readonly mode: Mode;
  /** Back to looking at the picture. */
  leave(): void;
  toggleCompare(): void;
  /** The comparing key: held it shows the version before, tapped it switches the slider. */
  pressCompare(): void;
  releaseCompare(): void;
  peek(on: boolean): void;
  /** When this version's picture comes, let it wipe over the one before. */
  reveal(version: string): void;
  toggleMask(): void;
  /** Resolves once what is painted is the draft's mask. */
  settleMask(): Promise<void>;
  growBrush(factor: number): void;
  undoMask(): void;
  redoMask(): void;
  toggleChanged(): void;
  zoomBy(factor: number): void;
  zoomTo(scale: number): void;
  fit(): void;
}

export interface Composer {
  focus(): void;
  /** Put a text into the prompt as if it were typed. */
  write(text: string): void;
  /** Take a draft over, to be looked at before it is sent. */
  take(draft: Partial<EditDraft>): void;
}

export interface Dialogs {
  help(): void;
  /** `backend` is whose key field to begin at. */
  settings(backend?: string | null): void;
  projects(): void;
  /** The current version, without one. */
  download(version?: VersionRow): void;
  downloadMany(versions: VersionRow[]): void;
  name(version: VersionRow): void;
  /** Two to four versions, the first of them the one before. */
  compare(versions: string[]): void;
  gallery(): void;
  palette(): void;
  spending(): void;
  queue(): void;
  /** Ask the same of several models; `sent` is told once they are on their way. */
  several(draft: EditDraft, sent?: () => unknown): void;
}

/** The window with all versions. */
export interface Gallery {
  /** The version under the focus. */
  readonly active: VersionRow | null;
  /** Versions that were marked, in the order in which they were made. */
  readonly marked: VersionRow[];
  /** Mark the active version, or take the mark away. */
  mark(): void;
  markAll(): void;
  unmark(): void;
  search(): void;
  toCurrent(): void;
  /** Go to the active version and close. */
  choose(): void;
  close(): void;
}

export type PanelName = "chat" | "history";

export interface Panels {
  /** Whether the picture and its tools have the screen to themselves. */
  readonly alone: boolean;
  /** Whether there is room for more than one; a phone shows one at a time. */
  readonly several: boolean;
  isOpen(name: PanelName): boolean;
  toggle(name: PanelName): void;
  /** Open the panel that shows this, if it is closed. */
  reveal(view: View): void;
  toggleAlone(): void;
  leaveAlone(): void;
  /** Called now and after every change. */
  whenChanged(listener: () => void): void;
}

export interface History {
  /** Scroll to the current version and put the focus on it. */
  toCurrent(): void;
  /** What can be done with the current version, over its picture. */
  menu(): void;
}

export interface Page {
  store: Store;
  call(action: string, message?: object, how?: { quiet?: boolean }): Promise<Answer>;
  open(project: string | null): Promise<void>;
  toast(message: string, action?: { label: string; run: () => unknown } | null): void;
  /** Bring a view to where it is seen, whatever the window's width. */
  show(view: View): void;
  switchTheme(): void;
  panels: Panels;
  canvas: Canvas;
  composer: Composer;
  dialogs: Dialogs;
  history: History;
}

/** A project in the list of projects. */
export interface ProjectEntry {
  row: ProjectRow;
  binned: boolean;
  rename(): void;
  reload(): Promise<void>;
}

declare global {
  interface Window {
    /** The project's state, asked for before any module has come. */
    kxState?: Promise<Response>;
  }
  interface HTMLElementTagNameMap {
    "kx-viewer": KxViewer;
    "kx-compare": KxCompare;
    "kx-mask": KxMask;
  }
}
