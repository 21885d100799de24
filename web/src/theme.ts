// Light or dark: as the system has it, until somebody chooses.

import { signal } from "@preact/signals";

type Theme = "auto" | "light" | "dark";
const STORED = "argosy-theme";
const NEXT: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };

const stored = localStorage.getItem(STORED);
export const theme = signal<Theme>(stored === "light" || stored === "dark" ? stored : "auto");

export function applyTheme(): void {
  if (theme.value === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
}

export function nextTheme(): void {
  theme.value = NEXT[theme.value];
  if (theme.value === "auto") localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, theme.value);
  applyTheme();
}
