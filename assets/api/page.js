// The page for programs: copies the examples, with the key that was put in. The key goes nowhere.

const PLACEHOLDER = "kx_...";
const COPIED_MS = 1600;

/** @type {HTMLInputElement | null} */
const field = document.querySelector("#kx-api-key");
/** @type {[HTMLElement, string][]} */
const examples = [...document.querySelectorAll("pre > code")].map((code) => [
  /** @type {HTMLElement} */ (code),
  code.textContent ?? "",
]);

field?.addEventListener("input", () => {
  const key = field.value.trim() || PLACEHOLDER;
  for (const [code, text] of examples) code.textContent = text.replaceAll(PLACEHOLDER, key);
});

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-copies]"))) {
  button.addEventListener("click", async () => {
    const lines = document.getElementById(button.dataset.copies ?? "");
    button.textContent = (await copied(lines)) ? "Copied" : "Press Ctrl or ⌘ + C";
    setTimeout(() => {
      button.textContent = "Copy";
    }, COPIED_MS);
  });
}

/** Selected where the browser does not let us copy, as at addresses without https. @param {HTMLElement | null} lines */
async function copied(lines) {
  try {
    await navigator.clipboard.writeText(lines?.textContent ?? "");
    return true;
  } catch {
    if (lines) getSelection()?.selectAllChildren(lines);
    return false;
  }
}

document.documentElement.dataset.kxReady = "yes";
