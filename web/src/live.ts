// The stream of changes: one for the whole page, gone on with where it ended.

import { signal } from "@preact/signals";
import { ApiError, type Changes, type Counts, send, token } from "./api";

/** Counts of all Applications, as the last change told them. */
export const totals = signal<Counts | null>(null);
/** How the stream is. */
export const link = signal<"connecting" | "live" | "paused" | "lost">("connecting");
/** What screen readers are told of changes. */
export const announced = signal("");

type Heard = (changes: Changes) => void;
const hearers = new Set<Heard>();

/** Calls `heard` with every batch of changes until the returned function is called. */
export function hear(heard: Heard): () => void {
  hearers.add(heard);
  return () => hearers.delete(heard);
}

let sayTimer: ReturnType<typeof setTimeout> | undefined;
let toSay = "";

/** Tells screen readers, at most every two seconds: the last word counts. */
export function announce(text: string): void {
  toSay = text;
  sayTimer ??= setTimeout(() => {
    announced.value = toSay;
    sayTimer = undefined;
  }, 2000);
}

let since: number | undefined;
let running: AbortController | undefined;

/** Follows changes while the page is seen. Six streams are all that a browser opens to one
 * server, so a page in the background lets go of its own. */
export function follow(): void {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stop("paused");
    else start();
  });
  token.subscribe((now) => {
    if (now) start();
    else stop("lost");
  });
}

function stop(why: "paused" | "lost"): void {
  running?.abort();
  running = undefined;
  link.value = why;
}

function start(): void {
  if (running || document.hidden || !token.value) return;
  running = new AbortController();
  void loop(running);
}

async function loop(own: AbortController): Promise<void> {
  let pause = 250;
  while (running === own) {
    try {
      link.value = link.value === "lost" ? "lost" : "connecting";
      const query = since === undefined ? "" : `?since=${since}`;
      const response = await send(`/api/changes${query}`, { signal: own.signal });
      link.value = "live";
      pause = 250;
      await read(response);
    } catch (error) {
      if (own.signal.aborted) return;
      if (error instanceof ApiError && error.status === 401) return stop("lost");
      link.value = "lost";
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, 5000);
  }
}

async function read(response: Response): Promise<void> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    let end = text.indexOf("\n\n");
    while (end >= 0) {
      take(text.slice(0, end));
      text = text.slice(end + 2);
      end = text.indexOf("\n\n");
    }
  }
}

function take(event: string): void {
  const data = event
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line) => line.slice(6))
    .join("\n");
  if (!data) return;
  const changes = JSON.parse(data) as Changes;
  const isFirst = since === undefined;
  since = changes.seq;
  if (changes.kind === "batch") totals.value = changes.totals;
  // What is shown may have been asked for before the stream began: what came in between was told
  // to nobody, so that all is looked at once more.
  const news: Changes = isFirst ? { kind: "reset", seq: changes.seq } : changes;
  for (const heard of hearers) heard(news);
}
