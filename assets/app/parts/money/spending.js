// What was spent: by project, model and day. What nobody is sure of stands apart from what was paid.
import { dialogOf } from "../../core/dialog.js";
import { button, fill, h } from "../../core/dom.js";
import { dollars } from "../../core/format.js";

/** @import { Page } from "../../core/page.d.ts" */
/** @import { ProjectRow, SpendingRow, SpentRow } from "../../core/types.d.ts" */
/** @typedef {{name: string, limit_usd: number | null, spent_usd: number}} Budget */

const UNSURE =
  "Not sure: edits that ended without a picture, where the provider may have charged and did not say. " +
  "They count in full against the budgets.";

/** A project's money as the top bar shows it. @param {Pick<ProjectRow, "spent_usd" | "unsure_usd" | "budget_usd">} project */
export function standing({ spent_usd, unsure_usd, budget_usd }) {
  const paid = dollars(spent_usd - unsure_usd);
  const unsure = unsure_usd ? `${dollars(unsure_usd)} not sure` : "";
  const limit = budget_usd === null ? "" : ` of ${dollars(budget_usd)}`;
  const said = [unsure || limit ? `${paid} paid` : `${paid} spent`, unsure].filter(Boolean).join(", ") + limit;
  return { paid, said };
}

/** @param {Page} page */
export async function openSpending(page) {
  const body = h("div", { class: "kx-spending" }, h("p", { class: "kx-muted" }, "Adding up…"));
  const dialog = dialogOf("What was spent", body, { kind: "kx-wide" });
  const [spending, budgets] = await Promise.all([page.call("spending"), page.call("budgets", {}, { quiet: true })]);
  if (spending.error) return dialog.close();
  const change = button("kx-link", "Change the budgets", () => {
    dialog.close();
    page.dialogs.settings();
  });
  const open = (/** @type {string} */ project) => {
    dialog.close();
    page.open(project);
  };
  fill(body, facts(spending.result, budgets.result ?? []), change, ...tables(spending.result, open));
}

/** @param {SpendingRow} spending @param {Budget[]} budgets */
function facts({ projects, branch_usd }, budgets) {
  const unsure = sum(projects, "unsure_usd");
  const rows = [
    ["All projects", `${dollars(sum(projects, "paid_usd"))} paid${unsure ? `, ${dollars(unsure)} not sure` : ""}`],
    ...budgets.map(({ name, limit_usd, spent_usd }) => [
      name === "day" ? "Today, all projects" : "This project",
      limit_usd === null ? dollars(spent_usd) : `${dollars(spent_usd)} of ${dollars(limit_usd)}`,
    ]),
    ["This branch", dollars(branch_usd)],
  ];
  const list = rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
  return [h("dl", { class: "kx-keys" }, list), unsure ? h("p", { class: "kx-muted" }, UNSURE) : null];
}

/** @param {SpentRow[]} rows @param {"paid_usd" | "unsure_usd"} what */
const sum = (rows, what) => rows.reduce((total, row) => total + row[what], 0);

/** @param {SpendingRow} spending @param {(project: string) => void} open */
function tables({ projects, models, days }, open) {
  if (!projects.length) return [h("p", { class: "kx-muted kx-nothing" }, "Nothing has been paid yet.")];
  return [
    table("By project", projects, ({ id, label }) => button("kx-link", label, () => open(id))),
    table("By model", models),
    table("By day", days, ({ label }) => dayOf(label)),
  ];
}

/** As people there write it. @param {string} day such as 2026-03-01 */
const dayOf = (day) => new Date(day).toLocaleDateString(undefined, { dateStyle: "medium", timeZone: "UTC" });

/** @param {string} title @param {SpentRow[]} rows @param {(row: SpentRow) => Node | string} named */
function table(title, rows, named = ({ label }) => label) {
  const unsure = rows.some(({ unsure_usd }) => unsure_usd);
  const heads = ["Edits", "Paid", ...(unsure ? ["Not sure"] : [])];
  const lines = rows.map((row) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, named(row)),
      [row.edits, dollars(row.paid_usd), ...(unsure ? [row.unsure_usd ? dollars(row.unsure_usd) : ""] : [])].map(
        (cell) => h("td", {}, cell),
      ),
    ),
  );
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, title),
    heads.map((name) => h("th", { scope: "col" }, name)),
  );
  return h("table", { class: "kx-spent" }, h("thead", {}, head), h("tbody", {}, lines));
}
