// The server's shapes, and calls with this start's token.

import { signal } from "@preact/signals";

export type SyncCode = "Synced" | "OutOfSync" | "Unknown";
export type HealthCode =
  | "Healthy"
  | "Suspended"
  | "Progressing"
  | "Missing"
  | "Degraded"
  | "Unknown";

export const SYNC: SyncCode[] = ["Synced", "OutOfSync", "Unknown"];
export const HEALTH: HealthCode[] = [
  "Healthy",
  "Progressing",
  "Degraded",
  "Missing",
  "Suspended",
  "Unknown",
];

export interface AppKey {
  namespace: string;
  name: string;
}

export interface AppRow extends AppKey {
  project: string;
  cluster: string;
  to: string;
  sync: SyncCode;
  health: HealthCode;
  phase: string;
  auto: boolean;
  repo: string;
  path: string;
  target: string;
  revision: string;
  set: string;
  trouble: string;
  changed: string;
}

export interface Page {
  seq: number;
  total: number;
  start: number;
  rows: AppRow[];
  next: string | null;
  sync: Partial<Record<SyncCode, number>>;
  health: Partial<Record<HealthCode, number>>;
}

export interface Counts {
  total: number;
  sync: Partial<Record<SyncCode, number>>;
  health: Partial<Record<HealthCode, number>>;
  running: number;
  /** Healthy, and yet out of sync. */
  drifted: number;
}

export interface Cluster {
  name: string;
  server: string;
  labels: Record<string, string>;
  paused: boolean;
  known: boolean;
  counts: Counts;
}

export interface Fleet {
  seq: number;
  totals: Counts;
  clusters: Cluster[];
}

export interface TreeNode extends AppKey {
  id: number;
  parent: number | null;
  group: string;
  kind: string;
  sync: SyncCode | null;
  health: HealthCode | null;
  message: string;
  created: string;
}

export interface ResourceDiff extends AppKey {
  group: string;
  kind: string;
  action: "create" | "change" | "prune" | "error";
  text: string;
  cut: boolean;
}

export interface Operation {
  phase: string;
  message: string;
  started: string;
  finished: string;
  by: string;
  results: (AppKey & { kind: string; status: string; message: string })[];
}

export interface Detail {
  row: AppRow;
  server: string;
  policy: string;
  sources: { repo: string; path: string; chart: boolean; target: string }[];
  healthMessage: string;
  conditions: { type: string; message: string; lastTransitionTime?: string }[];
  history: { id: number; revision: string; at: string; by: string }[];
  operation: Operation | null;
  links: string[];
  images: string[];
  tree: TreeNode[];
  diff: ResourceDiff[];
  stopped: string | null;
  cut: boolean;
}

export type Changes =
  | { kind: "reset"; seq: number }
  | {
      kind: "batch";
      seq: number;
      rows: AppRow[];
      gone: AppKey[];
      objects: AppKey[];
      clusters: boolean;
      totals: Counts;
    };

const STORED = "argosy-token";

/** This start's token; empty where nobody has said it, or it was wrong. */
export const token = signal(taken());

/** Takes the token out of the address, so that it is neither seen nor copied along. */
function taken(): string {
  const fragment = new URLSearchParams(location.hash.replace(/^#/, ""));
  const query = new URLSearchParams(location.search);
  const given = fragment.get("token") ?? query.get("token");
  if (given) {
    query.delete("token");
    const rest = query.size > 0 ? `?${query}` : "";
    history.replaceState(null, "", location.pathname + rest);
    sessionStorage.setItem(STORED, given);
    return given;
  }
  return sessionStorage.getItem(STORED) ?? "";
}

// The address of a new start, opened in a tab that is here already, changes the fragment alone.
addEventListener("hashchange", () => {
  token.value = taken();
});

/** Keeps a token that was pasted, alone or within an address. */
export function keepToken(text: string): void {
  const given = /token=([^&\s]+)/.exec(text)?.[1] ?? text.trim();
  sessionStorage.setItem(STORED, given);
  token.value = given;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Sends a request with the token; a failure carries the server's own sentence. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("authorization", `Bearer ${token.value}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "Argosy does not answer");
  }
  if (response.ok) return response;
  if (response.status === 401) {
    sessionStorage.removeItem(STORED);
    token.value = "";
  }
  const body = (await response.json().catch(() => ({}))) as { error?: string };
  throw new ApiError(response.status, body.error ?? `the server answered ${response.status}`);
}

/** How long an answer may take: longer than the server itself waits for a cluster. */
const PATIENCE = 40_000;

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const limit = AbortSignal.timeout(PATIENCE);
  const response = await send(path, { signal: signal ? AbortSignal.any([signal, limit]) : limit });
  return (await response.json()) as T;
}

export async function post(path: string, body: object): Promise<void> {
  await send(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

export function appPath(key: AppKey): string {
  return `/applications/${encodeURIComponent(key.namespace)}/${encodeURIComponent(key.name)}`;
}

export function keyText(key: AppKey): string {
  return `${key.namespace}/${key.name}`;
}
