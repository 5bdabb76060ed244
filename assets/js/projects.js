// The drawer with all projects and the bin.
import { fill, h, iconButton, price } from "./dom.js";
import { icon } from "./icons.js";
import { call, open, store } from "./store.js";

export async function openProjects() {
  const list = h("ul", { class: "kx-projects" });
  const search = h("input", { type: "search", placeholder: "Search projects", "aria-label": "Search projects", oninput: draw });
  const bin = h("button", { type: "button", class: "kx-link", onclick: () => { inBin = !inBin; load(); } });
  const dialog = h("dialog", { class: "kx-drawer", "aria-label": "Projects" },
    h("div", { class: "kx-row" }, h("h2", { class: "kx-grow" }, "Projects"),
      h("button", { type: "button", class: "kx-button", id: "kx-new-project", onclick: create }, icon("plus"), "New project"),
      iconButton(icon("close"), "Close", () => dialog.close())),
    search, list, bin);
  let inBin = false;
  let projects = [];
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  await load();

  async function load() {
    const answer = await call("list_projects", { deleted: inBin });
    projects = answer.result || [];
    bin.textContent = inBin ? "Back to the projects" : "Show the bin";
    draw();
  }

  function draw() {
    const wanted = search.value.trim().toLowerCase();
    const shown = projects.filter((project) => project.title.toLowerCase().includes(wanted));
    fill(list, shown.length ? shown.map(entry) : h("li", { class: "kx-muted kx-empty" }, inBin ? "The bin is empty." : "No project of this name."));
  }

  function entry(project) {
    const cover = project.cover
      ? h("img", { src: store.url(`images/${project.id}/${project.cover}/thumb`), alt: "", loading: "lazy" })
      : icon("image");
    const count = `${project.version_count} version${project.version_count === 1 ? "" : "s"}`;
    return h("li", { class: project.id === store.project?.id ? "kx-current" : "" },
      h("button", { type: "button", class: "kx-project", disabled: inBin, onclick: () => { dialog.close(); open(project.id); } },
        h("span", { class: "kx-cover" }, cover),
        h("span", {}, h("b", {}, project.title), h("small", { class: "kx-muted" }, [count, project.spent_usd && price(project.spent_usd)].filter(Boolean).join(" · ")))),
      inBin
        ? h("button", { type: "button", class: "kx-chip", onclick: () => act("restore_project", project) }, "Restore")
        : [iconButton(icon("edit"), `Rename ${project.title}`, () => rename(project)),
           iconButton(icon("copy"), `Duplicate ${project.title}`, () => act("duplicate_project", project)),
           iconButton(icon("trash"), `Move ${project.title} to the bin`, () => remove(project))]);
  }

  async function act(action, project) {
    await call(action, { project: project.id });
    await load();
  }

  async function rename(project) {
    const row = list.children[[...list.children].findIndex((item) => item.querySelector("b")?.textContent === project.title)];
    const field = h("input", { value: project.title, maxlength: 120, "aria-label": "New name" });
    row.querySelector("b").replaceWith(field);
    field.select();
    const done = async () => { await call("rename_project", { project: project.id, title: field.value.trim() || project.title }); await load(); };
    field.addEventListener("click", (event) => event.stopPropagation());
    field.addEventListener("keydown", (event) => { event.stopPropagation(); if (event.key === "Enter") field.blur(); });
    field.addEventListener("blur", done, { once: true });
  }

  async function remove(project) {
    await act("delete_project", project);
    store.toast(`“${project.title}” is in the bin.`, { label: "Undo", run: () => act("restore_project", project) });
    if (project.id === store.project?.id) open(null);
  }

  async function create() {
    const answer = await call("create_project");
    if (!answer.result) return;
    dialog.close();
    open(answer.result.id);
  }
}
