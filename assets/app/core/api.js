// How the page talks with the server: messages, uploads, pictures, events. It keeps nothing.

import { sentence } from "./format.js";

/** @import { ErrorRow, Snapshot } from "./types.d.ts" */
/** @import { AnyPatch } from "./store.js" */

/** @typedef {{result?: any, patch?: AnyPatch, error?: Partial<ErrorRow> & {message: string}}} Answer */

/** Everything of ours lies below this address, whatever the page is mounted under. */
const ROOT = new URL("../../../../", import.meta.url);

/** @param {string} path */
export function url(path) {
  return new URL(path, ROOT).href;
}

/**
 * @param {string} project
 * @param {string} digest
 * @param {"full" | "preview" | "thumb"} kind
 */
export function imageUrl(project, digest, kind) {
  return url(`images/${project}/${digest}/${kind}`);
}

/** Only our own page can send this: see `web/identity.py`. */
const OURS = { "x-kontext-page": "1" };
const JSON_OF_OURS = { ...OURS, "content-type": "application/json" };
/** An answer may have lain for a moment, and says when it was written in whole seconds. */
const WORTH_MINDING_MS = 10_000;
const HALVES = /\p{Surrogate}/gu;
const TOO_LARGE_FOR_PROXY = {
  message: "Something between this page and the program takes no pictures of this size.",
  hint: "Open a smaller one, or ask whoever runs the proxy to allow larger uploads.",
};

/**
 * What a response says. A refusal without a sentence, of a proxy for instance, gets one; an answer that nobody
 * wrote for this page throws.
 * @param {Response} response
 * @returns {Promise<Answer>}
 */
async function answerOf(response) {
  const answer = await response.json();
  if (response.ok || answer.error) return answer;
  if (response.status >= 500) throw new Error(`status ${response.status}`);
  const message = typeof answer.detail === "string" ? answer.detail : `This was refused (${response.status}).`;
  return { error: { kind: "Refused", message, hint: "Reload the page and try again." } };
}

/**
 * A message as JSON. Half of a character, which a cut emoji leaves in a text, becomes U+FFFD: nobody could read it.
 * @param {object} message
 */
function written(message) {
  return JSON.stringify(message, (_, value) => (typeof value === "string" ? value.replace(HALVES, "\ufffd") : value));
}

/**
 * Ask the server to do something. It always answers, if only with an error.
 * @param {string} action
 * @param {object} message
 * @returns {Promise<Answer>}
 */
export async function post(action, message) {
  try {
    const response = await fetch(url(`do/${action}`), {
      method: "POST",
      headers: JSON_OF_OURS,
      credentials: "same-origin",
      body: written(message),
    });
    return await answerOf(response);
  } catch {
    const hint = "Try again in a moment.";
    return { error: { kind: "Offline", message: "The program cannot be reached just now.", hint } };
  }
}

/**
 * A message that is sent even while the page is being left. Rejects when it cannot be sent.
 * @param {string} action
 * @param {object} message
 */
export function postAndLeave(action, message) {
  return fetch(url(`do/${action}`), {
    method: "POST",
    keepalive: true,
    headers: JSON_OF_OURS,
    credentials: "same-origin",
    body: written(message),
  });
}

/**
 * @param {File} file
 * @param {Record<string, string>} query
 * @returns {Promise<Answer>}
 */
export async function send(file, query) {
  const address = url(`upload?${new URLSearchParams({ name: file.name || "", ...query })}`);
  try {
    const response = await fetch(address, { method: "POST", headers: OURS, credentials: "same-origin", body: file });
    if (response.status === 413) return { error: TOO_LARGE_FOR_PROXY };
    return await answerOf(response);
  } catch {
    return { error: { message: "The picture did not arrive.", hint: "Check the connection and drop it again." } };
  }
}

/** The server has answered, and said no. */
export class Refusal extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * A project and everything the page needs to begin; the last one without an id. Rejects when it cannot be fetched,
 * with a `Refusal` when the server gives it to nobody or to nobody like us.
 * @param {string | null} project
 * @param {Promise<Response> | null} prefetched
 * @returns {Promise<Snapshot & {ahead_ms: number}>}
 */
export async function snapshot(project, prefetched = null) {
  const query = project ? `?project=${encodeURIComponent(project)}` : "";
  const response = await (prefetched ?? fetch(url(`state${query}`), { credentials: "same-origin" }));
  const answer = await response.json();
  if (answer.error) throw new Refusal(sentence(answer.error), response.status);
  if (!response.ok) throw new Refusal(String(answer.detail ?? ""), response.status);
  return { ...answer, ahead_ms: aheadOf(response.headers.get("date")) };
}

/** By how much the clock here is ahead of the server's, as far as that is worth minding. @param {string | null} date */
export function aheadOf(date, now = Date.now()) {
  const ahead_ms = now - Date.parse(date ?? "");
  return Math.abs(ahead_ms) > WORTH_MINDING_MS ? ahead_ms : 0;
}

/** @typedef {{revision: () => number, hello: (revision: number) => void, patch: (patch: AnyPatch) => void, ping: () => void, stale: () => void, lost: (forGood: boolean) => void}} Told */

/** Between two short answers; what one does oneself is seen at once in any case. */
const PAUSE_MS = 1000;

/**
 * What changes in a project from now on.
 * @param {string} project
 * @param {Told} told
 * @param {boolean} brief by short answers one after the other, which nothing on the way holds back
 * @returns {{close: () => void}}
 */
export function events(project, told, brief) {
  const address = url(`events?project=${project}`);
  if (brief) return briefEvents(address, told);
  const source = new EventSource(address);
  for (const name of NAMES) source.addEventListener(name, (event) => tell(told, name, event.data));
  source.addEventListener("error", () => told.lost(source.readyState === EventSource.CLOSED));
  return source;
}

const NAMES = /** @type {const} */ (["hello", "patch", "ping", "stale"]);

/** @param {Told} told @param {string} name @param {string} data */
function tell(told, name, data) {
  if (name === "hello") told.hello(JSON.parse(data).revision);
  if (name === "patch") told.patch(JSON.parse(data));
  if (name === "ping") told.ping();
  if (name === "stale") told.stale();
}

/** @param {string} address @param {Told} told */
function briefEvents(address, told) {
  const asking = new AbortController();
  const { signal } = asking;
  const goOn = async () => {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    if (signal.aborted) return;
    await askBriefly(address, told, signal).catch(() => signal.aborted || told.lost(false));
    goOn();
  };
  goOn();
  return { close: () => asking.abort() };
}

/** @param {string} address @param {Told} told @param {AbortSignal} signal */
async function askBriefly(address, told, signal) {
  const response = await fetch(`${address}&since=${told.revision()}`, { credentials: "same-origin", signal });
  if (!response.ok) throw new Error(`status ${response.status}`);
  for (const [, name, data] of (await response.text()).matchAll(EVENT)) if (!signal.aborted) tell(told, name, data);
}

const EVENT = /^event: (\w+)\ndata: (.*)$/gm;
