// The fleet: every cluster as a ship, its applications as the cargo on deck.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import {
  ApiError,
  type AppRow,
  type Cluster,
  type Counts,
  type Fleet,
  HEALTH,
  type HealthCode,
  type Page,
  SYNC,
  appPath,
  get,
  keyText,
} from "../api";
import { number, plural } from "../format";
import { Health, Sync } from "../icons";
import { announce, hear, totals } from "../live";
import { paced } from "../paced";
import { route, setQuery } from "../router";

const fleet = signal<Fleet | null>(null);
const failure = signal("");
/** Applications that somebody should look at, worst first. */
const ailing = signal<AppRow[]>([]);
const AILING = 8;
/** Cargo drawn on one deck at most; beyond, one piece stands for several applications. */
const PIECES = 144;
/** Clusters beyond which a group takes the whole width. */
const WIDE = 8;
/** Order in which cargo is stowed: what needs looking at comes first. */
const STOWED: HealthCode[] = ["Degraded", "Missing", "Unknown", "Progressing", "Suspended"];

export function FleetPage() {
  useEffect(() => {
    document.title = "Fleet · Argosy";
    const look = paced(300, load);
    look.now();
    return hear((changes) => {
      look.soon();
      if (changes.kind === "batch" && changes.rows.length > 0) {
        const { total, sync } = changes.totals;
        announce(`${number(sync.Synced ?? 0)} of ${plural(total, "application")} in sync`);
      }
    });
  }, []);

  const known = fleet.value;
  if (!known) {
    return failure.value ? <p class="notice bad">{failure.value}</p> : <Waiting />;
  }
  if (known.clusters.length === 0) return <NoClusters />;
  const labels = labelKeys(known.clusters);
  const wanted = route.value.query.get("by");
  const by = wanted ?? (labels.includes("region") ? "region" : "");
  const groups = grouped(known.clusters, by);
  return (
    <div class="fleet">
      <div class="fleet-head">
        <h1>Fleet</h1>
        <p class="lede">
          {plural(known.totals.total, "application")} on {plural(known.clusters.length, "cluster")}
        </p>
        <label class="by">
          by{" "}
          <select value={by} onChange={(event) => setQuery({ by: event.currentTarget.value || "-" })}>
            {labels.map((label) => (
              <option key={label} value={label}>
                {label}
              </option>
            ))}
            <option value="-">no label</option>
          </select>
        </label>
      </div>
      <Gauges counts={totals.value ?? known.totals} />
      <Ailing />
      <div class="regions">
        {groups.map(([name, clusters]) => (
          <Group key={name} by={by} name={name} clusters={clusters} />
        ))}
      </div>
    </div>
  );
}

async function load(): Promise<void> {
  try {
    const [summary, worst] = await Promise.all([
      get<Fleet>("/api/fleet"),
      get<Page>(`/api/applications?sort=attention&limit=${AILING}`),
    ]);
    fleet.value = summary;
    totals.value = summary.totals;
    ailing.value = worst.rows.filter((row) => row.health !== "Healthy" || row.sync !== "Synced");
    failure.value = "";
  } catch (error) {
    failure.value = error instanceof ApiError ? error.message : String(error);
  }
}

function labelKeys(clusters: Cluster[]): string[] {
  const keys = new Set(clusters.flatMap((cluster) => Object.keys(cluster.labels)));
  return [...keys].filter((key) => !key.startsWith("argosy.dev/")).sort();
}

function grouped(clusters: Cluster[], by: string): [string, Cluster[]][] {
  const groups = new Map<string, Cluster[]>();
  for (const cluster of clusters) {
    const name = cluster.labels[by] ?? "";
    groups.set(name, [...(groups.get(name) ?? []), cluster]);
  }
  // Those without the label come last.
  return [...groups].sort(([a], [b]) => (a === "" ? 1 : b === "" ? -1 : a.localeCompare(b)));
}

function Gauges({ counts }: { counts: Counts }) {
  return (
    <div class="gauges">
      <section class="gauge" aria-label="By sync">
        <Bar parts={SYNC.map((code) => [`sync-${code}`, counts.sync[code] ?? 0])} />
        <ul>
          {SYNC.map((code) => (
            <li key={code} class={counts.sync[code] ? "" : "none"}>
              <a href={`/applications?sync=${code}`}>
                <Sync code={code} word /> <b>{number(counts.sync[code] ?? 0)}</b>
              </a>
            </li>
          ))}
        </ul>
      </section>
      <section class="gauge" aria-label="By health">
        <Bar parts={HEALTH.map((code) => [`health-${code}`, counts.health[code] ?? 0])} />
        <ul>
          {HEALTH.map((code) => (
            <li key={code} class={counts.health[code] ? "" : "none"}>
              <a href={`/applications?health=${code}`}>
                <Health code={code} word /> <b>{number(counts.health[code] ?? 0)}</b>
              </a>
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

/** What needs a look, before one goes looking. */
function Ailing() {
  const rows = ailing.value;
  if (rows.length === 0) return null;
  return (
    <section class="ailing" aria-label="Needs a look">
      <h2>
        <a href="/applications?sort=attention">Needs a look</a>
      </h2>
      <ul>
        {rows.map((row) => (
          <li key={keyText(row)}>
            <a href={appPath(row)}>
              <Health code={row.health} />
              <Sync code={row.sync} />
              <b>{row.name}</b>
              <span class="sub">{row.trouble || `on ${row.cluster}`}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Bar({ parts }: { parts: [string, number][] }) {
  return (
    <div class="bar" aria-hidden="true">
      {parts.map(
        ([name, count]) => count > 0 && <i key={name} class={name} style={{ flexGrow: count }} />,
      )}
    </div>
  );
}

function Group({ by, name, clusters }: { by: string; name: string; clusters: Cluster[] }) {
  const total = clusters.reduce((sum, cluster) => sum + cluster.counts.total, 0);
  const query = name && by ? `?label=${encodeURIComponent(`${by}=${name}`)}` : "";
  const title = name || (by && by !== "-" ? `without ${by}` : "all clusters");
  return (
    <section class={clusters.length > WIDE ? "region wide" : "region"} aria-label={`${by || "clusters"} ${title}`}>
      <h2>
        <a href={`/applications${query}`}>{title}</a>
        <span>
          {plural(clusters.length, "cluster")} · {plural(total, "application")}
        </span>
      </h2>
      <ul class="ships">
        {clusters.map((cluster) => (
          <li key={cluster.name}>
            <Ship cluster={cluster} by={by} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Ship({ cluster, by }: { cluster: Cluster; by: string }) {
  const { counts } = cluster;
  const out = counts.sync.OutOfSync ?? 0;
  const ill = (counts.health.Degraded ?? 0) + (counts.health.Missing ?? 0);
  const busy = counts.health.Progressing ?? 0;
  // One that could not be compared counts once, whether its health is known or not.
  const dark = Math.max(counts.sync.Unknown ?? 0, counts.health.Unknown ?? 0);
  const state = ill ? "ill" : out ? "out" : dark ? "dark" : busy ? "busy" : "well";
  const label = Object.entries(cluster.labels).find(
    ([key]) => key !== by && !key.startsWith("argosy.dev/"),
  );
  return (
    <a class={`ship ship-${state}`} href={`/applications?cluster=${encodeURIComponent(cluster.name)}`}>
      <span class="ship-name">{cluster.name}</span>
      <span class="ship-label">
        {!cluster.known ? "unknown cluster" : cluster.paused ? "paused" : (label?.[1] ?? "")}
      </span>
      <Deck counts={counts} />
      <span class="ship-foot">
        <span class="ship-total">
          <b>{number(counts.total)}</b> {counts.total === 1 ? "app" : "apps"}
        </span>
        {ill > 0 && (
          <span class="health-Degraded">
            <b>{number(ill)}</b> in trouble
          </span>
        )}
        {out > 0 && (
          <span class="sync-OutOfSync">
            <b>{number(out)}</b> out of sync
          </span>
        )}
        {dark > 0 && (
          <span class="sync-Unknown">
            <b>{number(dark)}</b> unknown
          </span>
        )}
        {!ill && !out && busy > 0 && (
          <span class="health-Progressing">
            <b>{number(busy)}</b> progressing
          </span>
        )}
        {counts.total > 0 && counts.health.Healthy === counts.total && !out && !dark && (
          <span class="ship-calm">all well</span>
        )}
      </span>
    </a>
  );
}

/** A deck of cargo: one piece for each application, or for several where there are too many. */
function Deck({ counts }: { counts: Counts }) {
  const scale = Math.max(1, Math.ceil(counts.total / PIECES));
  const across = counts.total / scale > 48 ? 24 : 12;
  const size = 120 / across;
  const side = size * 0.74;
  let at = 0;
  const drifted = counts.drifted;
  const cargo: [string, number][] = [
    ...STOWED.map((code): [string, number] => [`health-${code}`, counts.health[code] ?? 0]),
    ["sync-OutOfSync", drifted],
    ["health-Healthy", (counts.health.Healthy ?? 0) - drifted],
  ];
  const paths = cargo.map(([name, count]) => {
    const pieces = Math.ceil(count / scale);
    let path = "";
    for (let piece = 0; piece < pieces; piece++, at++) {
      const x = (at % across) * size;
      const y = Math.floor(at / across) * size;
      path += `M${x.toFixed(2)} ${y.toFixed(2)}h${side}v${side}h-${side}z`;
    }
    return path && <path key={name} class={name} d={path} />;
  });
  const height = Math.max(1, Math.ceil(at / across)) * size;
  return (
    <svg class="deck" viewBox={`0 0 120 ${height}`} aria-hidden="true">
      {paths}
    </svg>
  );
}

function Waiting() {
  return <p class="notice">Looking at the fleet …</p>;
}

function NoClusters() {
  return (
    <div class="empty">
      <h1>No clusters yet</h1>
      <p>
        <code>argosy cluster add --simulated NAME</code> makes one out of nothing;{" "}
        <code>argosy cluster add CONTEXT</code> takes one of yours.
      </p>
    </div>
  );
}
