// Rows of which only those in sight exist, walked with the arrow keys.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** Rows kept beyond each edge. */
const BEYOND = 8;
/** Rows that exist at most, however high the box comes out. */
const MOST = 160;

interface Props {
  count: number;
  rowHeight: number;
  /** What a row shows; `undefined` where its data is not there yet. */
  row: (index: number) => ComponentChildren;
  /** Attributes of the row's element. */
  attributes?: (index: number) => Record<string, string | number | boolean | undefined>;
  /** Enter, or a click where nothing else was hit. */
  onOpen?: (index: number) => void;
  /** Other keys; `true`: it was used. A number: go to that row. */
  onKey?: (index: number, key: string) => boolean | number;
  /** Which rows are in sight. */
  onSight?: (first: number, last: number) => void;
  /** Rows before these, such as a header, for `aria-rowindex`. */
  before?: number;
  /** Fills its parent and scrolls by itself; else it is as high as its rows. */
  fills?: boolean;
}

export function Virtual(props: Props) {
  const { count, rowHeight, onSight } = props;
  const box = useRef<HTMLDivElement>(null);
  const [sight, setSight] = useState({ top: 0, height: 600 });
  const [active, setActive] = useState(0);
  const wantsFocus = useRef(false);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => setSight({ top: element.scrollTop, height: element.clientHeight });
    look();
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);

  const first = Math.max(0, Math.floor(sight.top / rowHeight) - BEYOND);
  const below = Math.ceil((sight.top + sight.height) / rowHeight) + BEYOND;
  const last = Math.min(count, first + MOST, below);
  useEffect(() => onSight?.(first, last), [first, last, count]);

  const here = Math.min(active, Math.max(0, count - 1));
  useEffect(() => {
    if (!wantsFocus.current) return;
    const row = box.current?.querySelector<HTMLElement>(`[data-index="${here}"]`);
    if (row) {
      wantsFocus.current = false;
      row.focus({ preventScroll: true });
    }
  });

  function walk(to: number): void {
    const index = Math.max(0, Math.min(count - 1, to));
    const element = box.current;
    if (element) {
      const top = index * rowHeight;
      const room = element.clientHeight;
      if (top < element.scrollTop) element.scrollTop = top;
      else if (top + rowHeight > element.scrollTop + room) {
        element.scrollTop = top + rowHeight - room;
      }
    }
    wantsFocus.current = true;
    setActive(index);
  }

  function onKeyDown(event: KeyboardEvent): void {
    const isInside = (event.target as Element).closest("input, select, textarea, button");
    if (isInside || event.metaKey || event.ctrlKey || event.altKey) return;
    const step = Math.max(1, Math.floor(sight.height / rowHeight) - 1);
    const moves: Record<string, number> = {
      ArrowDown: here + 1,
      ArrowUp: here - 1,
      PageDown: here + step,
      PageUp: here - step,
      Home: 0,
      End: count - 1,
    };
    const used = props.onKey?.(here, event.key);
    const to = typeof used === "number" ? used : moves[event.key];
    if (used === true) event.preventDefault();
    else if (to !== undefined) {
      event.preventDefault();
      walk(to);
    } else if (event.key === "Enter" && props.onOpen && !(event.target as Element).closest("a")) {
      event.preventDefault();
      props.onOpen(here);
    }
  }

  // The row that has the focus stays, wherever one scrolls to.
  const seen = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);
  if (count > 0 && here < first) seen.unshift(here);
  if (count > 0 && here >= last) seen.push(here);
  const rows = [];
  for (const index of seen) {
    rows.push(
      <div
        key={index}
        role="row"
        class={index % 2 ? "row odd" : "row"}
        data-index={index}
        aria-rowindex={index + 1 + (props.before ?? 0)}
        tabIndex={index === here ? 0 : -1}
        style={{ top: `${index * rowHeight}px`, height: `${rowHeight}px` }}
        onFocus={() => setActive(index)}
        onClick={(event) => {
          const hit = (event.target as Element).closest("a, button, input");
          const isSelecting = !getSelection()?.isCollapsed;
          if (!hit && !isSelecting) props.onOpen?.(index);
        }}
        {...props.attributes?.(index)}
      >
        {props.row(index)}
      </div>,
    );
  }
  return (
    <div
      ref={box}
      class={props.fills ? "virtual fills" : "virtual"}
      role="rowgroup"
      onScroll={(event) => {
        const { scrollTop, clientHeight } = event.currentTarget;
        setSight({ top: scrollTop, height: clientHeight });
      }}
      onKeyDown={onKeyDown}
    >
      <div class="virtual-rows" role="presentation" style={{ height: `${count * rowHeight}px` }}>
        {rows}
      </div>
    </div>
  );
}
