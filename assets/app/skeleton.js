// Runs in the page's head: asks for the project before anything else is loaded, and draws the frame.
(() => {
  // Of a moving link the server learns nothing until the person has agreed.
  const project = location.hash.startsWith("#move=") ? "" : location.hash.slice(1);
  window.kxState = fetch(`kontext/state${project ? `?project=${encodeURIComponent(project)}` : ""}`, {
    credentials: "same-origin",
  });
  window.kxState.catch(() => {});
  const frame = document.createElement("div");
  frame.id = "kx-skeleton";
  frame.setAttribute("aria-hidden", "true");
  for (const part of ["bar", "chat", "canvas", "tree"]) {
    const element = document.createElement("div");
    element.className = `kx-skeleton-${part}`;
    frame.append(element);
  }
  document.documentElement.append(frame);
})();
