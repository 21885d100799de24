// The shell: where one is, how the fleet is, and whether that is of this moment.

import { token } from "./api";
import { Sail } from "./icons";
import { number } from "./format";
import { announced, link, totals } from "./live";
import { ApplicationPage } from "./pages/application";
import { ApplicationsPage } from "./pages/applications";
import { FleetPage } from "./pages/fleet";
import { Gate } from "./pages/gate";
import { onLink, route } from "./router";
import { nextTheme, theme } from "./theme";

const LINK_WORDS = {
  connecting: "connecting",
  live: "live",
  paused: "paused",
  lost: "no connection",
};

export function App() {
  if (!token.value) return <Gate />;
  const { view, namespace, name } = route.value;
  return (
    <div class="shell" onClick={onLink}>
      <a class="skip" href="#main" onClick={skip}>
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href="/" aria-label="Argosy, the fleet">
          <Sail />
          <span>Argosy</span>
        </a>
        <nav aria-label="Views">
          <a href="/" aria-current={view === "fleet" ? "page" : undefined}>
            Fleet
          </a>
          <a href="/applications" aria-current={view === "applications" ? "page" : undefined}>
            Applications
          </a>
        </nav>
        <Tally />
        <span class={`link link-${link.value}`} role="status">
          <i aria-hidden="true" />
          {LINK_WORDS[link.value]}
        </span>
        <button class="quiet theme" type="button" onClick={nextTheme} title="Colours">
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.600" />
            <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
          </svg>
          <span class="unseen">Colours: </span>
          {theme.value}
        </button>
      </header>
      <main id="main" tabIndex={-1}>
        {view === "fleet" && <FleetPage />}
        {view === "applications" && <ApplicationsPage />}
        {view === "application" && (
          <ApplicationPage key={`${namespace}/${name}`} namespace={namespace} name={name} />
        )}
        {view === "nowhere" && <Nowhere />}
      </main>
      <div class="unseen" role="status" aria-live="polite">
        {announced.value}
      </div>
    </div>
  );
}

function skip(event: MouseEvent): void {
  event.preventDefault();
  event.stopPropagation();
  document.getElementById("main")?.focus();
}

/** The fleet in four numbers, on every view. */
function Tally() {
  const counts = totals.value;
  if (!counts) return <div class="tally" />;
  const out = counts.sync.OutOfSync ?? 0;
  const ill = (counts.health.Degraded ?? 0) + (counts.health.Missing ?? 0);
  const dark = counts.sync.Unknown ?? 0;
  return (
    <div class="tally">
      <a href="/applications">
        <b>{number(counts.total)}</b> applications
      </a>
      <a href="/applications?sync=OutOfSync" class={out ? "sync-OutOfSync" : "calm"}>
        <b>{number(out)}</b> out of sync
      </a>
      <a href="/applications?health=Degraded,Missing" class={ill ? "health-Degraded" : "calm"}>
        <b>{number(ill)}</b> in trouble
      </a>
      {dark > 0 && (
        <a href="/applications?sync=Unknown" class="sync-Unknown">
          <b>{number(dark)}</b> unknown
        </a>
      )}
      {counts.running > 0 && (
        <span class="health-Progressing">
          <b>{number(counts.running)}</b> syncing
        </span>
      )}
    </div>
  );
}

function Nowhere() {
  return (
    <div class="empty">
      <h1>There is nothing here</h1>
      <p>
        <a href="/">The fleet</a> is one way on, <a href="/applications">all applications</a>{" "}
        another.
      </p>
    </div>
  );
}
