// Signs of state: each has a shape of its own, so that none is told by colour alone.

import type { HealthCode, SyncCode } from "./api";

const HEALTH_SHAPES: Record<HealthCode, preact.JSX.Element> = {
  Healthy: <circle cx="8" cy="8" r="5" fill="currentColor" />,
  Progressing: (
    <g fill="none" stroke="currentColor" stroke-width="2.4">
      <circle cx="8" cy="8" r="4.600" opacity=".3" />
      <path d="M8 3.400a4.600 4.600 0 0 1 4.600 4.600" stroke-linecap="round" />
    </g>
  ),
  Degraded: <path d="M8 2.200l6.200 11.300H1.800z" fill="currentColor" />,
  Missing: (
    <circle
      cx="8"
      cy="8"
      r="4.600"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-dasharray="2.600 2.200"
    />
  ),
  Suspended: <path d="M4.200 3h2.800v10H4.200zM9 3h2.800v10H9z" fill="currentColor" />,
  Unknown: <path d="M8 2.500L13.500 8 8 13.500 2.500 8z" fill="none" stroke="currentColor" stroke-width="2" />,
};

const SYNC_SHAPES: Record<SyncCode, preact.JSX.Element> = {
  Synced: (
    <path
      d="M3 8.600l3.300 3.300L13 4.800"
      fill="none"
      stroke="currentColor"
      stroke-width="2.400"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  ),
  OutOfSync: (
    <path
      d="M3 5.800h10M3 10.200h10M10.500 2.500l-5 11"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
    />
  ),
  Unknown: <path d="M8 2.500L13.500 8 8 13.500 2.500 8z" fill="none" stroke="currentColor" stroke-width="2" />,
};

interface Mark<C> {
  code: C;
  /** Shows the word too; else it is only read out. */
  word?: boolean;
}

export function Health({ code, word }: Mark<HealthCode>) {
  return (
    <span class={`mark health-${code}`} title={word ? undefined : code}>
      <svg viewBox="0 0 16 16" class={code === "Progressing" ? "turns" : undefined} aria-hidden="true">
        {HEALTH_SHAPES[code]}
      </svg>
      <span class={word ? undefined : "unseen"}>{code}</span>
    </span>
  );
}

export function Sync({ code, word }: Mark<SyncCode>) {
  const text = code === "OutOfSync" ? "Out of sync" : code;
  return (
    <span class={`mark sync-${code}`} title={word ? undefined : text}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        {SYNC_SHAPES[code]}
      </svg>
      <span class={word ? undefined : "unseen"}>{text}</span>
    </span>
  );
}

export function Sail() {
  return (
    <svg viewBox="0 0 32 32" class="sail" aria-hidden="true">
      <path d="M15 3v17H5.500C9 16.500 13.200 10 15 3z" fill="currentColor" />
      <path d="M17.500 7c4.300 3.200 7 8 7.500 13h-7.500z" class="sail-fore" />
      <path d="M3.500 23h25l-3.200 5.500H6.700z" class="sail-hull" />
    </svg>
  );
}
