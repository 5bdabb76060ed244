// A notice of the system when a long edit has ended and nobody looks at the page: only for who asked for it.
import { recalled, remember } from "../core/remembered.js";
import { cut } from "../core/versions.js";

/** @import { Job } from "../core/store.js" */

/** An edit that was shorter than this is not worth a notice. */
const LONG_MS = 10_000;
const SHORT = 60;

/**
 * @typedef {object} Surroundings
 * @property {typeof Notification | undefined} Notification what the browser has for it
 * @property {() => boolean} hidden whether nobody sees the page
 * @property {() => number} now
 */

/** @type {Surroundings} */
const BROWSER = {
  Notification: globalThis.Notification,
  hidden: () => document.hidden || !document.hasFocus(),
  now: () => Date.now(),
};

export class Notices {
  /** @param {Surroundings} around */
  constructor(around = BROWSER) {
    this.around = around;
  }

  get possible() {
    return this.around.Notification !== undefined && this.around.Notification.permission !== "denied";
  }

  get on() {
    return (
      recalled("notices", /** @type {string} */ ("off")) === "on" && this.around.Notification?.permission === "granted"
    );
  }

  /** Ask the browser for leave the first time. @param {boolean} wanted @returns {Promise<boolean>} whether it is on now */
  async set(wanted) {
    const { Notification } = this.around;
    if (wanted && Notification?.permission === "default") await Notification.requestPermission();
    remember("notices", wanted ? "on" : "off");
    return this.on;
  }

  /**
   * @param {Pick<Job, "id" | "instruction" | "created_at">} job
   * @param {string} what became of it
   * @param {() => unknown} show brings it before the eyes
   */
  tell(job, what, show) {
    const { Notification, hidden, now } = this.around;
    if (!Notification || !this.on || !hidden() || now() - Date.parse(job.created_at) < LONG_MS) return;
    const notice = new Notification(what, { body: cut(job.instruction, SHORT), tag: job.id });
    notice.onclick = () => {
      globalThis.focus?.();
      notice.close();
      show();
    };
  }
}

export const notices = new Notices();
