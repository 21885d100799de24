// Times, revisions and counts as people read them.

import { signal } from "@preact/signals";

/** Now, within five seconds: what shows ages follows it. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 5000);

/** How long ago, in one unit. */
export function ago(at: string): string {
  const then = Date.parse(at);
  if (Number.isNaN(then)) return "";
  const seconds = Math.max(0, Math.round((now.value - then) / 1000));
  if (seconds < 5) return "now";
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h`;
  return `${Math.floor(hours / 24)}d`;
}

/** The same within a sentence. */
export function past(at: string): string {
  const age = ago(at);
  return age && age !== "now" ? `${age} ago` : age;
}

/** The moment in full, for whoever points at an age. */
export function moment(at: string): string {
  const then = new Date(at);
  return Number.isNaN(then.valueOf()) ? "" : then.toLocaleString();
}

/** How long between two moments. */
export function took(from: string, to: string): string {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  if (Number.isNaN(seconds)) return "";
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** A commit's first seven digits; other revisions as they are. */
export function short(revision: string): string {
  return /^[0-9a-f]{40,64}$/.test(revision) ? revision.slice(0, 7) : revision;
}

/** A repository as people name it: owner and name. */
export function repoName(url: string): string {
  const path = url.replace(/\/+$/, "").replace(/\.git$/, "");
  return path.split(/[/:]/).slice(-2).join("/") || url;
}

export function number(count: number): string {
  return count.toLocaleString("en");
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}
