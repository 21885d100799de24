// What a sync would change, object by object.

import { useState } from "preact/hooks";
import type { ResourceDiff } from "../api";
import { Virtual } from "./virtual";

const ACTIONS: Record<ResourceDiff["action"], string> = {
  create: "to create",
  change: "to change",
  prune: "left Git",
  error: "cannot be compared",
};

export function Diff({ all }: { all: ResourceDiff[] }) {
  return (
    <div class="diffs">
      {all.map((diff) => (
        <One key={`${diff.group}/${diff.kind}/${diff.namespace}/${diff.name}`} diff={diff} />
      ))}
    </div>
  );
}

interface Line {
  sign: string;
  old: string;
  now: string;
  text: string;
}

function One({ diff }: { diff: ResourceDiff }) {
  const [isOpen, setOpen] = useState(true);
  const lines = diff.action === "error" ? [] : parse(diff.text);
  const added = lines.filter((line) => line.sign === "+").length;
  const removed = lines.filter((line) => line.sign === "-").length;
  return (
    <section class="diff" aria-label={`${diff.kind} ${diff.name}`}>
      <h2>
        <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <i aria-hidden="true">{isOpen ? "▾" : "▸"}</i>
          <span class="kind">{diff.kind}</span>
          <span class="name">{diff.name}</span>
          <span class={`action action-${diff.action}`}>{ACTIONS[diff.action]}</span>
          {lines.length > 0 && (
            <span class="stat">
              <span class="plus">+{added}</span> <span class="minus">−{removed}</span>
              <span class="unseen"> lines</span>
            </span>
          )}
        </button>
      </h2>
      {isOpen && diff.action === "error" && <p class="diff-error">{diff.text}</p>}
      {isOpen && lines.length > 0 && <Lines lines={lines} />}
      {isOpen && diff.cut && <p class="diff-error">There is more than is shown.</p>}
    </section>
  );
}

function Lines({ lines }: { lines: Line[] }) {
  const line = (index: number) => {
    const { sign, old, now, text } = lines[index] as Line;
    return (
      <>
        <span role="cell" class="no">
          {old}
        </span>
        <span role="cell" class="no">
          {now}
        </span>
        <span role="cell" class="code">
          <i aria-hidden="true">{sign === "@" ? "" : sign}</i>
          {sign === "+" && <span class="unseen">added: </span>}
          {sign === "-" && <span class="unseen">removed: </span>}
          {text}
        </span>
      </>
    );
  };
  const longest = lines.reduce((most, one) => Math.max(most, one.text.length), 0);
  return (
    <div
      class="lines"
      role="table"
      aria-label="Lines, live and desired"
      style={{
        "--longest": `${longest}ch`,
        height: `${Math.min(lines.length, 30) * 20 + 16}px`,
      }}
    >
      <Virtual
        fills
        count={lines.length}
        rowHeight={20}
        row={line}
        attributes={(index) => {
          const sign = lines[index]?.sign ?? " ";
          const names: Record<string, string> = { "+": "added", "-": "removed", "@": "gap" };
          return { class: `row ${names[sign] ?? "same"}` };
        }}
      />
    </div>
  );
}

/** Reads a unified difference: each line with its numbers in both texts. */
function parse(text: string): Line[] {
  const lines: Line[] = [];
  let old = 0;
  let now = 0;
  for (const line of text.split("\n").slice(2)) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
    if (hunk) {
      old = Number(hunk[1]);
      now = Number(hunk[2]);
      if (lines.length > 0) lines.push({ sign: "@", old: "", now: "", text: "⋯" });
      continue;
    }
    const sign = line[0] ?? "";
    const rest = line.slice(1);
    if (sign === "+") lines.push({ sign, old: "", now: String(now++), text: rest });
    else if (sign === "-") lines.push({ sign, old: String(old++), now: "", text: rest });
    else if (sign === " ") {
      lines.push({ sign, old: String(old++), now: String(now++), text: rest });
    }
  }
  return lines;
}
