// Addresses: each view has one, and going back goes back.

import { computed, signal } from "@preact/signals";

const here = signal(location.pathname + location.search);

addEventListener("popstate", () => {
  here.value = location.pathname + location.search;
});

export interface Route {
  view: "fleet" | "applications" | "application" | "nowhere";
  namespace: string;
  name: string;
  query: URLSearchParams;
}

export const route = computed<Route>(() => {
  const url = new URL(here.value, location.origin);
  const parts = url.pathname.split("/").filter(Boolean).map(decoded);
  const query = url.searchParams;
  const place = { namespace: "", name: "", query };
  if (parts.length === 0) return { view: "fleet", ...place };
  if (parts[0] === "applications" && parts.length === 1) return { view: "applications", ...place };
  if (parts[0] === "applications" && parts.length === 3) {
    return { view: "application", namespace: parts[1] ?? "", name: parts[2] ?? "", query };
  }
  return { view: "nowhere", ...place };
});

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Goes to an address of the page's own. */
export function go(to: string, replace = false): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  here.value = to;
  if (!replace) scrollTo(0, 0);
}

/** Changes parameters of the address; empty ones leave it. */
export function setQuery(changes: Record<string, string>): void {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  go(url.pathname + url.search, true);
}

/** Follows links of the page itself without loading it anew. */
export function onLink(event: MouseEvent): void {
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
  const anchor = (event.target as Element).closest("a");
  if (!isPlain || !anchor || anchor.target || anchor.origin !== location.origin) return;
  event.preventDefault();
  go(anchor.pathname + anchor.search);
}
