// What runs and waits, here and in other projects, as the queue lists it.
import { capital } from "../../core/format.js";
import { OPEN_STATES } from "../../core/store.js";
import { STAGES, waits } from "../conversation/job_card.js";

/** @import { Job, Store } from "../../core/store.js" */
/** @import { QueueRow } from "../../core/types.d.ts" */
/**
 * @typedef {object} Line
 * @property {string} id
 * @property {string} instruction
 * @property {{id: string, title: string} | null} project another than the one that is open
 * @property {boolean} waiting
 * @property {number | null} place in a line
 * @property {string} state where it stands, in words
 * @property {number | null} fraction
 * @property {number | null} usd
 * @property {number} since
 */

/** @param {Job} job @returns {Line} */
function ofJob(job) {
  return line({ ...job, waits: waits(job), stage: job.stage ?? "" }, null);
}

/** @param {QueueRow} row @returns {Line} */
function ofRow(row) {
  return line(row, { id: row.project, title: row.project_title });
}

/**
 * @param {Pick<QueueRow, "id" | "instruction" | "waits" | "stage" | "state" | "backend_label" | "price_usd" | "created_at"> & {fraction?: number | null, queue_position?: number | null}} row
 * @param {Line["project"]} project
 * @returns {Line}
 */
function line(row, project) {
  const place = row.queue_position ?? null;
  const now = place ? `Place ${place} in line` : capital(row.stage || STAGES[row.state]);
  return {
    id: row.id,
    instruction: row.instruction,
    project,
    waiting: row.waits || place !== null,
    place,
    state: row.waits ? "Next, when the edit before it is done" : `${now} · ${row.backend_label}`,
    fraction: row.waits || place ? null : (row.fraction ?? null),
    usd: row.price_usd,
    since: Date.parse(row.created_at),
  };
}

/** Of the project that is open first, then of the others, each oldest first. @param {Store} store @returns {Line[]} */
export function linesOf(store) {
  const elsewhere = store.elsewhere.filter(({ id, state }) => !store.jobs.has(id) && OPEN_STATES.includes(state));
  return [...store.openJobs().map(ofJob), ...elsewhere.map(ofRow)];
}

/** @param {Line[]} lines */
export function counts(lines) {
  const waiting = lines.filter((one) => one.waiting).length;
  const running = lines.length - waiting;
  return [running && `${running} running`, waiting && `${waiting} waiting`].filter(Boolean).join(", ");
}
