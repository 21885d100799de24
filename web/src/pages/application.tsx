// One application: how it is and why, what it is made of, and what a sync would change.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError, type Detail, type Operation, appPath, get, keyText, post } from "../api";
import { ago, moment, past, plural, repoName, short, took } from "../format";
import { Health, Sync } from "../icons";
import { announce, hear } from "../live";
import { paced } from "../paced";
import { Diff } from "../parts/diff";
import { Tree } from "../parts/tree";
import { route, setQuery } from "../router";

type Tab = "objects" | "diff" | "sync" | "history";
const TABS: Tab[] = ["objects", "diff", "sync", "history"];
/** How often the page looks at what no change tells of, such as another application's objects. */
const LOOK = 15_000;

export function ApplicationPage({ namespace, name }: { namespace: string; name: string }) {
  const key = { namespace, name };
  const path = `/api${appPath(key)}`;
  const [detail, setDetail] = useState<Detail | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);

  useEffect(() => {
    document.title = `${name} · Argosy`;
    const left = new AbortController();
    const { now, soon } = paced(200, async () => {
      if (left.signal.aborted) return;
      try {
        setDetail(await get<Detail>(path, left.signal));
        setFailure(null);
      } catch (error) {
        if (left.signal.aborted) return;
        setFailure(error instanceof ApiError ? error : new ApiError(0, String(error)));
      }
    });
    now();
    const timer = setInterval(() => {
      if (!document.hidden) now();
    }, LOOK);
    const mine = keyText(key);
    const unhear = hear((changes) => {
      if (changes.kind === "reset") return soon();
      const row = changes.rows.find((one) => keyText(one) === mine);
      if (row) {
        setDetail((known) => known && { ...known, row });
        announce(`${name}: ${row.sync === "OutOfSync" ? "out of sync" : row.sync}, ${row.health}`);
      }
      const others = [...changes.gone, ...changes.objects];
      if (row || others.some((one) => keyText(one) === mine)) soon();
    });
    return () => {
      unhear();
      clearInterval(timer);
      left.abort();
    };
  }, [path]);

  if (failure?.status === 404) {
    return (
      <div class="empty">
        <h1>{name} is not there</h1>
        <p>
          It may have been deleted. <a href="/applications">All applications</a>
        </p>
      </div>
    );
  }
  if (!detail) {
    return <p class={failure ? "notice bad" : "notice"}>{failure?.message ?? `Looking at ${name} …`}</p>;
  }
  return (
    <article class="app">
      <Head detail={detail} path={path} />
      {failure && <p class="notice bad">{failure.message}</p>}
      <Conditions detail={detail} />
      <div class="app-body">
        <Panels detail={detail} />
        <Facts detail={detail} />
      </div>
    </article>
  );
}

function Head({ detail, path }: { detail: Detail; path: string }) {
  const { row } = detail;
  return (
    <header class="app-head">
      <nav aria-label="Way here">
        <a href="/applications">Applications</a>
        <i aria-hidden="true">/</i>
        <a href={`/applications?cluster=${encodeURIComponent(row.cluster)}`}>{row.cluster}</a>
      </nav>
      <h1>{row.name}</h1>
      <div class="app-state">
        <Health code={row.health} word />
        <Sync code={row.sync} word />
        {row.health !== "Healthy" && detail.healthMessage && (
          <span class="sub">{detail.healthMessage}</span>
        )}
      </div>
      <Actions detail={detail} path={path} />
    </header>
  );
}

function Actions({ detail, path }: { detail: Detail; path: string }) {
  const [prune, setPrune] = useState(false);
  const [doing, setDoing] = useState("");
  const [said, setSaid] = useState("");
  const isRunning = detail.row.phase === "Running" || detail.row.phase === "Terminating";
  const act = async (what: "refresh" | "sync", body: object, done: string) => {
    setDoing(what);
    setSaid("");
    try {
      await post(`${path}/${what}`, body);
      setSaid(done);
      announce(done);
      setTimeout(() => setSaid((now) => (now === done ? "" : now)), 4000);
    } catch (error) {
      setSaid(error instanceof ApiError ? error.message : String(error));
    } finally {
      setDoing("");
    }
  };
  const hasPrunes = detail.diff.some((diff) => diff.action === "prune");
  return (
    <div class="actions">
      <span class="said" role="status">
        {said}
      </span>
      {hasPrunes && (
        <label class="prune">
          <input
            type="checkbox"
            checked={prune}
            onChange={(event) => setPrune(event.currentTarget.checked)}
          />
          delete what left Git
        </label>
      )}
      <button
        type="button"
        disabled={doing !== ""}
        onClick={(event) => act("refresh", { hard: event.shiftKey }, "Refresh asked for")}
        title="Look at Git now (with Shift: and render anew)"
      >
        Refresh
      </button>
      <button
        type="button"
        class="primary"
        disabled={doing !== "" || isRunning}
        onClick={() => act("sync", { prune: prune && hasPrunes }, "Sync asked for")}
      >
        {isRunning ? "Syncing …" : "Sync"}
      </button>
    </div>
  );
}

function Conditions({ detail }: { detail: Detail }) {
  const failed = detail.operation && ["Failed", "Error"].includes(detail.operation.phase);
  if (!detail.conditions.length && !detail.stopped && !failed) return null;
  const isKnown = detail.conditions.some((one) => one.message === detail.stopped);
  return (
    <section class="conditions" aria-label="Conditions">
      {detail.stopped && !isKnown && (
        <p class="condition bad">
          <b>Not of this moment</b>
          <span>{detail.stopped}</span>
        </p>
      )}
      {detail.conditions.map((condition) => (
        <p
          key={condition.type + condition.message}
          class={condition.type.endsWith("Warning") ? "condition" : "condition bad"}
        >
          <b>{condition.type}</b>
          <span>{condition.message}</span>
          {condition.lastTransitionTime && (
            <time title={moment(condition.lastTransitionTime)}>
              {ago(condition.lastTransitionTime)}
            </time>
          )}
        </p>
      ))}
      {failed && detail.operation && (
        <p class="condition bad">
          <b>Last sync {detail.operation.phase.toLowerCase()}</b>
          <span>{detail.operation.message}</span>
          <time title={moment(detail.operation.finished)}>{ago(detail.operation.finished)}</time>
        </p>
      )}
    </section>
  );
}

function Panels({ detail }: { detail: Detail }) {
  const wanted = route.value.query.get("tab") as Tab | null;
  const tab = wanted && TABS.includes(wanted) ? wanted : "objects";
  const titles: Record<Tab, preact.JSX.Element> = {
    objects: (
      <>
        Objects <b>{detail.tree.length}</b>
      </>
    ),
    diff: (
      <>
        Diff <b class={detail.diff.length ? "sync-OutOfSync" : ""}>{detail.diff.length}</b>
      </>
    ),
    sync: <>Last sync</>,
    history: (
      <>
        History <b>{detail.history.length}</b>
      </>
    ),
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length] as Tab;
    setQuery({ tab: next === "objects" ? "" : next });
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="panels">
      <div role="tablist" aria-label="Parts of the application" onKeyDown={onKeyDown}>
        {TABS.map((one) => (
          <button
            key={one}
            id={`tab-${one}`}
            type="button"
            role="tab"
            aria-selected={one === tab}
            aria-controls="panel"
            tabIndex={one === tab ? 0 : -1}
            onClick={() => setQuery({ tab: one === "objects" ? "" : one })}
          >
            {titles[one]}
          </button>
        ))}
      </div>
      <div id="panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === "objects" && <Objects detail={detail} />}
        {tab === "diff" && <Differences detail={detail} />}
        {tab === "sync" && <LastSync operation={detail.operation} />}
        {tab === "history" && <History detail={detail} />}
      </div>
    </div>
  );
}

function Objects({ detail }: { detail: Detail }) {
  if (detail.tree.length === 0) {
    return (
      <p class="notice">{detail.stopped ? "Its objects are not known." : "It has no objects."}</p>
    );
  }
  return (
    <>
      <Tree nodes={detail.tree} />
      {detail.cut && <p class="notice">There is more than is shown.</p>}
    </>
  );
}

function Differences({ detail }: { detail: Detail }) {
  if (detail.diff.length > 0) return <Diff all={detail.diff} />;
  return (
    <p class="notice">
      {detail.stopped ? "It could not be compared." : "Git and cluster agree: a sync would change nothing."}
    </p>
  );
}

function LastSync({ operation }: { operation: Operation | null }) {
  if (!operation) return <p class="notice">It has not been synced yet.</p>;
  return (
    <div class="last">
      <p class="last-head">
        <b class={`phase phase-${operation.phase}`}>{operation.phase}</b>
        <span>{operation.message}</span>
        <span class="sub">
          {operation.by && `by ${operation.by} · `}
          <time title={moment(operation.started)}>{past(operation.started)}</time>
          {operation.finished && ` · took ${took(operation.started, operation.finished)}`}
        </span>
      </p>
      <div class="results" tabIndex={0} role="region" aria-label="Results">
        <table>
          <thead>
            <tr>
              <th scope="col">Object</th>
              <th scope="col">Result</th>
              <th scope="col">Message</th>
            </tr>
          </thead>
          <tbody>
            {operation.results.slice(0, 500).map((one) => (
              <tr key={`${one.kind}/${one.namespace}/${one.name}`}>
                <td>
                  <span class="kind">{one.kind}</span> {one.name}
                </td>
                <td>{one.status}</td>
                <td>{one.message}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function History({ detail }: { detail: Detail }) {
  if (detail.history.length === 0) return <p class="notice">Nothing has been deployed yet.</p>;
  return (
    <ol class="history">
      {detail.history.map((one, index) => (
        <li key={one.id} class={index === 0 ? "now" : ""}>
          <code title={one.revision}>{short(one.revision)}</code>
          <time title={moment(one.at)}>{past(one.at)}</time>
          <span>{one.by || "—"}</span>
          {index === 0 && <span class="sub">live</span>}
        </li>
      ))}
    </ol>
  );
}

function Facts({ detail }: { detail: Detail }) {
  const { row } = detail;
  return (
    <aside class="facts" aria-label="Facts">
      <dl>
        <Fact title="Cluster">
          <a href={`/applications?cluster=${encodeURIComponent(row.cluster)}`}>{row.cluster}</a>
          {row.to && <span class="sub">namespace {row.to}</span>}
        </Fact>
        {detail.sources.map((source, index) => (
          <Fact key={index} title={source.chart ? "Chart" : "Source"}>
            <Repository url={source.repo} />
            <span class="sub">
              {source.path}
              {source.target && ` @ ${short(source.target)}`}
            </span>
          </Fact>
        ))}
        <Fact title="Revision">
          <code title={row.revision}>{short(row.revision) || "—"}</code>
        </Fact>
        <Fact title="Sync policy">{detail.policy}</Fact>
        <Fact title="Project">{row.project}</Fact>
        {row.set && (
          <Fact title="Made by">
            <a href={`/applications?q=${encodeURIComponent(row.set)}`}>{row.set}</a>
          </Fact>
        )}
        {detail.links.length > 0 && (
          <Fact title="Links">
            {detail.links.map((link) => (
              <a key={link} href={link} target="_blank" rel="noopener noreferrer">
                {link.replace(/^https?:\/\//, "")}
              </a>
            ))}
          </Fact>
        )}
        {detail.images.length > 0 && (
          <Fact title={plural(detail.images.length, "image")}>
            {detail.images.slice(0, 20).map((image) => (
              <code key={image} class="image">
                {image.split(/(?=[/:@])/).flatMap((part) => [<wbr />, part])}
              </code>
            ))}
          </Fact>
        )}
      </dl>
    </aside>
  );
}

function Fact({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Repository({ url }: { url: string }) {
  if (!/^https?:\/\//.test(url)) return <span title={url}>{repoName(url)}</span>;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer" title={url}>
      {repoName(url)}
    </a>
  );
}
