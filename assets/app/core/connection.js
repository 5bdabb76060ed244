// One stream of events, given back while nobody looks: browsers open six connections to a host for all tabs together.
// Where something on the way holds the stream back, short answers are asked for one after the other instead.

const HIDDEN_MS = 15_000;
/** Longer than the server is silent on purpose: then the stream is begun anew, and says hello or does not. */
const SILENT_MS = 12_000;
/** A stream says hello at once; one that has not by then is held back. */
const HELLO_MS = 3_000;
const RETRY_MS = 2_000;

export class Connection {
  /**
   * @param {(brief: boolean) => {close: () => void}} connect
   * @param {() => boolean} hidden whether the tab is out of sight
   * @param {{later: (run: () => void, ms: number) => number, never: (timer: number) => void}} clock
   */
  constructor(
    connect,
    hidden = () => false,
    clock = { later: (run, ms) => window.setTimeout(run, ms), never: (timer) => clearTimeout(timer) },
  ) {
    this.connect = connect;
    this.hidden = hidden;
    this.clock = clock;
    this.timer = 0;
    this.patience = 0;
    /** Whether streams were found to be held back here. */
    this.brief = false;
    /** @type {{close: () => void} | null} */
    this.stream = null;
  }

  /** Begin again, for instance with another project. A tab that nobody has seen yet begins when it is seen. */
  restart() {
    this.close();
    if (this.hidden()) return;
    this.stream = this.connect(this.brief);
    if (!this.brief) this.wait(HELLO_MS, true);
  }

  /** Something came: the stream is alive. */
  heard() {
    if (this.stream && !this.brief) this.wait(SILENT_MS);
  }

  /** The connection broke. @param {boolean} forGood or whether the browser tries again by itself */
  lost(forGood) {
    if (this.stream && !this.brief) this.wait(forGood ? RETRY_MS : SILENT_MS);
  }

  /** What is not heard of by then is not waited for any longer. @param {number} ms @param {boolean} heldBack what that means */
  wait(ms, heldBack = false) {
    this.clock.never(this.patience);
    this.patience = this.clock.later(() => {
      this.brief ||= heldBack;
      this.restart();
    }, ms);
  }

  close() {
    this.clock.never(this.patience);
    this.stream?.close();
    this.stream = null;
  }

  /** @param {boolean} hidden whether the tab is out of sight now */
  visibility(hidden) {
    this.clock.never(this.timer);
    if (hidden) this.timer = this.clock.later(() => this.close(), HIDDEN_MS);
    else if (!this.stream) this.restart();
  }
}
