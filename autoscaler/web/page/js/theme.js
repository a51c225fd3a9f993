// Dark or light: what the system prefers, until the person chooses.

import { t } from "./i18n.js";

const KEPT = "autoscaler-theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

export const currentTheme = () =>
  document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");

/** Bind the button; `changed` is called whenever colours change. */
export function setUpTheme(button, changed) {
  const kept = localStorage.getItem(KEPT);
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  button.addEventListener("click", () => {
    const next = currentTheme() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem(KEPT, next);
    label(button);
    changed();
  });
  dark.addEventListener("change", () => {
    label(button);
    changed();
  });
  label(button);
}

export function label(button) {
  const next = currentTheme() === "dark" ? "light" : "dark";
  button.textContent = next === "dark" ? "☾" : "☀";
  button.setAttribute("aria-label", t(`theme.${next}`));
  button.title = t(`theme.${next}`);
}

/** The value of a colour of the style sheet, for canvases. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
