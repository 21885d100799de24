// All applications: searched, filtered and sorted by the server; only those in sight are here.

import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { type AppRow, ApiError, HEALTH, type Page, SYNC, appPath, get, keyText } from "../api";
import { ago, moment, number, plural, repoName, short } from "../format";
import { Health, Sync } from "../icons";
import { announce, hear } from "../live";
import { paced } from "../paced";
import { Virtual } from "../parts/virtual";
import { go, route, setQuery } from "../router";

/** Rows of one request. */
const STEP = 100;
/** Requests kept: those last seen. */
const KEPT = 12;
const ASKED = ["q", "sync", "health", "cluster", "project", "label", "sort"];

const narrow = signal(matchMedia("(max-width: 860px)").matches);
matchMedia("(max-width: 860px)").addEventListener("change", (event) => {
  narrow.value = event.matches;
});

/** The rows of one query, fetched where they are looked at. */
class Rows {
  readonly head = signal<Page | null>(null);
  readonly failure = signal("");
  readonly version = signal(0);
  private readonly steps = new Map<number, AppRow[]>();
  private readonly asked = new Map<number, AbortController>();
  private sight: [number, number] = [0, 1];
  private isClosed = false;

  constructor(private readonly query: string) {}

  at(index: number): AppRow | undefined {
    return this.steps.get(Math.floor(index / STEP))?.[index % STEP];
  }

  look(first: number, last: number): void {
    this.sight = [first, last];
    for (const step of this.seen()) {
      if (!this.steps.has(step) && !this.asked.has(step)) void this.fetch(step);
    }
  }

  /** Takes rows that changed where they stand; whether any of them is here. */
  patch(rows: AppRow[]): boolean {
    const fresh = new Map(rows.map((row) => [keyText(row), row]));
    let isHere = false;
    for (const [step, known] of this.steps) {
      const next = known.map((row) => fresh.get(keyText(row)) ?? row);
      if (next.some((row, index) => row !== known[index])) {
        this.steps.set(step, next);
        isHere = true;
      }
    }
    if (isHere) this.version.value++;
    return isHere;
  }

  /** Asks again for what is in sight, since members and order may have changed. */
  async refresh(): Promise<void> {
    if (this.isClosed) return;
    const seen = this.seen();
    for (const step of [...this.steps.keys()]) if (!seen.includes(step)) this.steps.delete(step);
    await Promise.all(seen.map((step) => this.fetch(step)));
  }

  close(): void {
    this.isClosed = true;
    for (const controller of this.asked.values()) controller.abort();
  }

  private seen(): number[] {
    const from = Math.floor(this.sight[0] / STEP);
    const to = Math.floor(Math.max(this.sight[0], this.sight[1] - 1) / STEP);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  }

  private async fetch(step: number): Promise<void> {
    this.asked.get(step)?.abort();
    const controller = new AbortController();
    this.asked.set(step, controller);
    try {
      const place = `skip=${step * STEP}&limit=${STEP}`;
      const path = `/api/applications?${this.query}${this.query ? "&" : ""}${place}`;
      const page = await get<Page>(path, controller.signal);
      this.steps.delete(step);
      this.steps.set(step, page.rows);
      const oldest = this.steps.keys().next();
      if (this.steps.size > KEPT && !oldest.done) this.steps.delete(oldest.value);
      this.failure.value = "";
      this.head.value = page;
      this.version.value++;
    } catch (error) {
      if (controller.signal.aborted) return;
      this.failure.value = error instanceof ApiError ? error.message : String(error);
    } finally {
      if (this.asked.get(step) === controller) this.asked.delete(step);
    }
  }
}

export function ApplicationsPage() {
  const asked = new URLSearchParams();
  for (const name of ASKED) {
    for (const value of route.value.query.getAll(name)) if (value) asked.append(name, value);
  }
  if (!asked.has("sort")) asked.set("sort", "attention");
  const query = asked.toString();
  const rows = useMemo(() => new Rows(query), [query]);
  const search = useRef<HTMLInputElement>(null);

  useEffect(() => {
    document.title = "Applications · Argosy";
    rows.look(0, 1);
    const again = paced(400, () => rows.refresh());
    const unhear = hear((changes) => {
      if (changes.kind === "batch" && changes.rows.length + changes.gone.length === 0) return;
      if (changes.kind === "batch") {
        rows.patch(changes.rows);
        announce(`${plural(changes.rows.length + changes.gone.length, "application")} changed`);
      }
      again.soon();
    });
    return () => {
      unhear();
      rows.close();
    };
  }, [rows]);

  useEffect(() => {
    const toSearch = (event: KeyboardEvent) => {
      const isTyping = (event.target as Element).closest("input, select, textarea");
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      search.current?.focus();
    };
    addEventListener("keydown", toSearch);
    return () => removeEventListener("keydown", toSearch);
  }, []);

  const head = rows.head.value;
  return (
    <div class="list">
      <div class="list-head">
        <h1>Applications</h1>
        <Search input={search} value={asked.get("q") ?? ""} />
        <p class="found" role="status">
          {head ? `${number(head.total)} found` : ""}
        </p>
      </div>
      <div class="list-body">
        <Facets head={head} asked={asked} />
        <Table rows={rows} sort={asked.get("sort") ?? "attention"} />
      </div>
    </div>
  );
}

function Search({ input, value }: { input: preact.RefObject<HTMLInputElement | null>; value: string }) {
  const ask = useMemo(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    return (text: string) => {
      clearTimeout(timer);
      timer = setTimeout(() => setQuery({ q: text }), 120);
    };
  }, []);
  return (
    <div class="search">
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="7" cy="7" r="4.500" />
        <path d="M10.500 10.500L14 14" />
      </svg>
      <input
        ref={input}
        type="search"
        aria-label="Search applications"
        placeholder="Name, cluster, project, repository …"
        aria-keyshortcuts="/"
        maxLength={200}
        value={value}
        onInput={(event) => ask(event.currentTarget.value)}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}

function Facets({ head, asked }: { head: Page | null; asked: URLSearchParams }) {
  const places = ["cluster", "project", "label"].flatMap((name) =>
    asked.getAll(name).map((value) => [name, value] as const),
  );
  return (
    <details class="facets" open={!narrow.value}>
      <summary>Filters</summary>
      <div class="facets-in">
        {places.length > 0 && (
          <fieldset>
            <legend>Where</legend>
            {places.map(([name, value]) => (
              <button
                key={name + value}
                type="button"
                class="chip"
                onClick={() => setQuery({ [name]: "" })}
              >
                <span>{name === "label" ? value.replace("=", ": ") : `${name}: ${value}`}</span>
                <span aria-hidden="true">×</span>
                <span class="unseen">remove filter</span>
              </button>
            ))}
          </fieldset>
        )}
        <Facet
          title="Sync"
          name="sync"
          codes={SYNC}
          counts={head?.sync ?? {}}
          asked={asked}
          mark={(code) => <Sync code={code} word />}
        />
        <Facet
          title="Health"
          name="health"
          codes={HEALTH}
          counts={head?.health ?? {}}
          asked={asked}
          mark={(code) => <Health code={code} word />}
        />
      </div>
    </details>
  );
}

interface FacetProps<C extends string> {
  title: string;
  name: string;
  codes: C[];
  counts: Partial<Record<C, number>>;
  asked: URLSearchParams;
  mark: (code: C) => preact.JSX.Element;
}

function Facet<C extends string>({ title, name, codes, counts, asked, mark }: FacetProps<C>) {
  const chosen = (asked.get(name) ?? "").split(",").filter(Boolean);
  const toggle = (code: string) => {
    const next = chosen.includes(code) ? chosen.filter((one) => one !== code) : [...chosen, code];
    setQuery({ [name]: next.join(",") });
  };
  return (
    <fieldset>
      <legend>{title}</legend>
      {codes.map((code) => {
        const count = counts[code] ?? 0;
        return (
          <label key={code} class={count || chosen.includes(code) ? "" : "none"}>
            <input type="checkbox" checked={chosen.includes(code)} onChange={() => toggle(code)} />
            {mark(code)}
            <span class="count">{number(count)}</span>
          </label>
        );
      })}
    </fieldset>
  );
}

const COLUMNS: [string, string, string][] = [
  // Heading, what it sorts by, class.
  ["State", "attention", "c-state"],
  ["Application", "name", "c-name"],
  ["Cluster", "cluster", "c-cluster"],
  ["Source", "", "c-source"],
  ["Last sync", "changed", "c-changed"],
];

function Table({ rows, sort }: { rows: Rows; sort: string }) {
  // Rows live outside of signals; their version says when they are others.
  rows.version.value;
  const head = rows.head.value;
  if (rows.failure.value && !head) return <p class="notice bad">{rows.failure.value}</p>;
  const order = sort.replace(/^-/, "");
  const isTurned = sort.startsWith("-");
  const turn = (name: string) => setQuery({ sort: order === name && !isTurned ? `-${name}` : name });
  const total = head?.total ?? 0;
  return (
    <div
      class="table"
      role="grid"
      aria-label="Applications"
      aria-rowcount={total + 1}
      aria-colcount={COLUMNS.length}
    >
      <div role="rowgroup" class="columns">
        <div role="row" aria-rowindex={1}>
          {COLUMNS.map(([title, name, place]) => (
            <div
              key={title}
              role="columnheader"
              class={place}
              aria-sort={
                name && order === name ? (isTurned ? "descending" : "ascending") : undefined
              }
            >
              {name ? (
                <button type="button" onClick={() => turn(name)}>
                  {title}
                  <i aria-hidden="true">{order === name ? (isTurned ? "↑" : "↓") : ""}</i>
                </button>
              ) : (
                title
              )}
            </div>
          ))}
        </div>
      </div>
      {head && total === 0 ? (
        <Nothing />
      ) : (
        <Virtual
          fills
          count={total}
          rowHeight={narrow.value ? 68 : 44}
          before={1}
          row={(index) => <Cells row={rows.at(index)} />}
          attributes={(index) => {
            const row = rows.at(index);
            return row ? { "data-app": keyText(row) } : { "aria-busy": "true" };
          }}
          onSight={(first, last) => rows.look(first, last)}
          onOpen={(index) => {
            const row = rows.at(index);
            if (row) go(appPath(row));
          }}
        />
      )}
    </div>
  );
}

function Cells({ row }: { row: AppRow | undefined }) {
  if (!row) {
    return (
      <div role="gridcell" class="c-name">
        <span class="ghost" />
      </div>
    );
  }
  const isRunning = row.phase === "Running" || row.phase === "Terminating";
  const isIll = row.health !== "Healthy" || row.sync === "Unknown" || row.phase === "Failed";
  return (
    <>
      <div role="gridcell" class="c-state">
        <Health code={row.health} />
        <Sync code={row.sync} />
      </div>
      <div role="gridcell" class="c-name">
        <a href={appPath(row)} tabIndex={-1}>
          {row.name}
        </a>
        {row.trouble && isIll ? (
          <span class="trouble" title={row.trouble}>
            {row.trouble}
          </span>
        ) : (
          <span class="sub">{row.project === "default" ? row.set : row.project}</span>
        )}
      </div>
      <div role="gridcell" class="c-cluster">
        <span>{row.cluster}</span>
        <span class="sub">{row.to}</span>
      </div>
      <div role="gridcell" class="c-source">
        <span>{repoName(row.repo)}</span>
        <span class="sub">
          {row.path}
          {row.target && ` @ ${short(row.target)}`}
        </span>
      </div>
      <div role="gridcell" class="c-changed">
        {isRunning ? (
          <span class="health-Progressing">syncing</span>
        ) : (
          <span title={moment(row.changed)}>{ago(row.changed) || "never"}</span>
        )}
        <span class="sub">{row.auto ? "auto" : "manual"}</span>
      </div>
    </>
  );
}

function Nothing() {
  const isNarrowed = ASKED.some((name) => name !== "sort" && route.value.query.get(name));
  return (
    <div class="empty" role="rowgroup">
      <div role="row">
        <div role="gridcell">
          {isNarrowed ? (
            <>
              <p>No application fits.</p>
              <a class="button" href="/applications">
                Show all
              </a>
            </>
          ) : (
            <p>
              No applications yet. <code>kubectl apply</code> one, or{" "}
              <code>argosy app create</code>.
            </p>
          )}
        </div>
      </div>
    </div>
  );
}
