// Light or dark: what was chosen, else what the system says.

/** @import { Page } from "../../core/page.d.ts" */

/** @param {unknown} theme */
export function applyTheme(theme) {
  document.documentElement.dataset.theme = typeof theme === "string" ? theme : "system";
}

/** @param {Page} page */
export function switchTheme({ store, call }) {
  const chosen = store.preferences.theme;
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  const theme = dark ? "light" : "dark";
  applyTheme(theme);
  store.put("preferences", { ...store.preferences, theme });
  return call("set_preference", { key: "theme", value: theme }, { quiet: true });
}
