// One stream of events, given back while nobody looks: browsers open six connections to a host for all tabs together.

const HIDDEN_MS = 15_000;

export class Connection {
  /**
   * @param {() => {close: () => void}} connect
   * @param {{later: (run: () => void, ms: number) => number, never: (timer: number) => void}} clock
   */
  constructor(
    connect,
    clock = { later: (run, ms) => window.setTimeout(run, ms), never: (timer) => clearTimeout(timer) },
  ) {
    this.connect = connect;
    this.clock = clock;
    this.timer = 0;
    /** @type {{close: () => void} | null} */
    this.stream = null;
  }

  /** Begin again, for instance with another project. */
  restart() {
    this.close();
    this.stream = this.connect();
  }

  close() {
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
