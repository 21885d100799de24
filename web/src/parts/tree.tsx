// An application's objects and what they own, as a tree walked with the arrow keys.

import { useMemo, useState } from "preact/hooks";
import type { TreeNode } from "../api";
import { ago, moment } from "../format";
import { Health, Sync } from "../icons";
import { Virtual } from "./virtual";

interface Shown {
  node: TreeNode;
  level: number;
  place: number;
  siblings: number;
  children: number;
  isOpen: boolean;
}

const ROW = 34;

export function Tree({ nodes }: { nodes: TreeNode[] }) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const shown = useMemo(() => lay(nodes, closed), [nodes, closed]);

  function toggle(item: Shown, wanted: boolean): void {
    const next = new Set(closed);
    if (wanted) next.delete(identity(item.node));
    else next.add(identity(item.node));
    setClosed(next);
  }

  function onKey(index: number, key: string): boolean | number {
    const item = shown[index];
    if (!item) return false;
    if (key === "ArrowRight" && item.children > 0) {
      if (item.isOpen) return index + 1;
      toggle(item, true);
      return true;
    }
    if (key === "ArrowLeft") {
      if (item.children > 0 && item.isOpen) {
        toggle(item, false);
        return true;
      }
      const parent = shown.findIndex((other) => other.node.id === item.node.parent);
      return parent >= 0 ? parent : true;
    }
    if ((key === "Enter" || key === " ") && item.children > 0) {
      toggle(item, !item.isOpen);
      return true;
    }
    return false;
  }

  return (
    <div
      class="tree"
      role="treegrid"
      aria-label="Objects"
      aria-rowcount={shown.length + 1}
      style={{ height: `${Math.min(shown.length, 18) * ROW + 36}px` }}
    >
      <div role="rowgroup" class="columns">
        <div role="row" aria-rowindex={1}>
          <div role="columnheader">Object</div>
          <div role="columnheader">Health</div>
          <div role="columnheader">Sync</div>
          <div role="columnheader" class="t-namespace">
            Namespace
          </div>
          <div role="columnheader" class="t-age">
            Age
          </div>
        </div>
      </div>
      <Virtual
        fills
        count={shown.length}
        rowHeight={ROW}
        before={1}
        onKey={onKey}
        row={(index) => <Cells item={shown[index]} toggle={toggle} />}
        attributes={(index) => {
          const item = shown[index];
          if (!item) return {};
          return {
            "aria-level": item.level,
            "aria-posinset": item.place,
            "aria-setsize": item.siblings,
            "aria-expanded": item.children > 0 ? String(item.isOpen) : undefined,
          };
        }}
      />
    </div>
  );
}

function Cells({ item, toggle }: { item: Shown | undefined; toggle: (i: Shown, to: boolean) => void }) {
  if (!item) return null;
  const { node, level } = item;
  return (
    <>
      <div role="gridcell" class="t-object" style={{ "--level": level - 1 }}>
        {item.children > 0 ? (
          <button
            type="button"
            class="twig"
            tabIndex={-1}
            aria-label={item.isOpen ? "Close" : "Open"}
            onClick={() => toggle(item, !item.isOpen)}
          >
            {item.isOpen ? "▾" : "▸"}
          </button>
        ) : (
          <span class="twig" />
        )}
        <span class="kind">{node.kind}</span>
        <span class="name" title={node.name}>
          {node.name}
        </span>
      </div>
      <div role="gridcell" class="t-health">
        {node.health && <Health code={node.health} word />}
        {node.message && (
          <span class="sub" title={node.message}>
            {node.message}
          </span>
        )}
      </div>
      <div role="gridcell" class="t-sync">
        {node.sync && <Sync code={node.sync} word />}
      </div>
      <div role="gridcell" class="t-namespace">
        {node.namespace}
      </div>
      <div role="gridcell" class="t-age" title={moment(node.created)}>
        {ago(node.created)}
      </div>
    </>
  );
}

/** The same object in two answers; numbers are of one answer alone. */
function identity(node: TreeNode): string {
  return `${node.group}/${node.kind}/${node.namespace}/${node.name}`;
}

function lay(nodes: TreeNode[], closed: ReadonlySet<string>): Shown[] {
  const children = new Map<number | null, TreeNode[]>();
  for (const node of nodes) {
    const siblings = children.get(node.parent);
    if (siblings) siblings.push(node);
    else children.set(node.parent, [node]);
  }
  const shown: Shown[] = [];
  const walk = (parent: number | null, level: number): void => {
    const siblings = children.get(parent) ?? [];
    siblings.forEach((node, index) => {
      const count = children.get(node.id)?.length ?? 0;
      const isOpen = !closed.has(identity(node));
      shown.push({ node, level, place: index + 1, siblings: siblings.length, children: count, isOpen });
      if (count > 0 && isOpen) walk(node.id, level + 1);
    });
  };
  walk(null, 1);
  return shown;
}
