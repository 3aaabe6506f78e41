// What is in force and where it was written: routes in the order they are tried, services and listeners with every
// setting, and the files themselves. A place opens its line; a URL can be asked where it would go.
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, post } from "../api/client";
import { generation } from "../api/live";
import type { Configuration, Configured, Explanation, Setting } from "../api/types";
import { moment, visible } from "../format";
import { useDocument } from "../hooks";
import { project } from "../known";
import { Choice, SearchField } from "../parts/controls";
import { Icon } from "../parts/icon";
import { Empty, Shown } from "../parts/notice";
import { Foreign, Place, ServiceLink } from "../parts/text";
import { say } from "../parts/toast";
import { change, parameter } from "../router";

export function ConfigurationPage() {
  const reading = useDocument<Configuration>("/v1/configuration");
  const seen = generation.value;
  const first = useRef(true);
  useEffect(() => {
    if (first.current) first.current = false;
    else reading.refresh();
  }, [seen]);
  return (
    <div class="page page-full">
      <h1 class="hidden">Configuration</h1>
      <Shown of={reading} rows={8}>
        {(data) => <Content configuration={data} refresh={reading.refresh} />}
      </Shown>
    </div>
  );
}

const SECTIONS = ["routes", "services", "listeners"] as const;

function Content({ configuration, refresh }: { configuration: Configuration; refresh: () => void }) {
  const section = SECTIONS.find((name) => name === parameter("section")) ?? "routes";
  const text = parameter("q").toLowerCase();
  const items = configuration[section] ?? [];
  const shown = items.filter((item) => !text || JSON.stringify(item).toLowerCase().includes(text));
  return (
    <>
      <div class="bar">
        <Choice
          label="Section"
          value={section}
          options={SECTIONS.map((name) => ({ value: name, text: name, note: String(configuration[name]?.length ?? 0) }))}
          onChange={(value) => change({ section: value === "routes" ? null : value }, "push")}
        />
        <SearchField value={parameter("q")} label="Filter settings" onInput={(q) => change({ q })} />
        <span class="bar-end button-row">
          <span class="faint generation">
            generation {configuration.generation ?? "–"} · {moment(configuration.loaded_at).slice(0, 19)}
          </span>
          <Reload done={refresh} />
        </span>
      </div>
      <Explain />
      <div class="configuration">
        <div class="configured-list">
          {shown.map((item, index) => (
            <Item key={`${section}${item.id ?? item.name ?? index}`} item={item} section={section} number={items.indexOf(item) + 1} />
          ))}
          {shown.length === 0 ? <p class="faint quiet-line">{text ? "Nothing fits the filter." : `There are no ${section}.`}</p> : null}
        </div>
        <Files files={configuration.files ?? []} />
      </div>
    </>
  );
}

function Reload({ done }: { done: () => void }) {
  const [busy, setBusy] = useState(false);
  const reload = async () => {
    setBusy(true);
    try {
      const answer = await post<{ generation?: number; changed?: boolean; warnings?: unknown[] }>("/v1/reload");
      const warnings = answer?.warnings?.length ? `${answer.warnings.length} warnings` : null;
      say("ready", answer?.changed === false ? "Nothing has changed" : `Generation ${answer?.generation ?? "?"} is in force`, warnings);
      done();
    } catch (error) {
      const mistakes = error instanceof ApiError ? error.mistakes.map(mistake).join("\n") : "";
      say("bad", error instanceof Error ? error.message : String(error), mistakes || "The former configuration stays in force.");
    }
    setBusy(false);
  };
  return (
    <button type="button" class="button" disabled={busy} onClick={reload} title="Read the files again">
      <Icon name="restart" class={busy ? "turning" : ""} /> Reload
    </button>
  );
}

function mistake(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const { message, code } = value as Record<string, unknown>;
  return message ? `${code ? `${String(code)}: ` : ""}${String(message)}` : visible(value);
}

function Item({ item, section, number }: { item: Configured; section: string; number: number }) {
  const settings = item.settings ?? [];
  const [all, setAll] = useState(false);
  const defaults = settings.filter((setting) => setting.default).length;
  const shown = all ? settings : settings.filter((setting) => !setting.default);
  return (
    <section class="configured">
      <div class="configured-head">
        {section === "routes" ? (
          <span class="configured-number" title="Order in which routes are tried">
            {number}
          </span>
        ) : null}
        <h2>
          <Title item={item} section={section} />
        </h2>
        <Place origin={item.origin} />
      </div>
      <Under item={item} section={section} />
      {shown.length ? (
        <dl class="settings">
          {shown.map((setting) => (
            <SettingRow key={setting.key} setting={setting} />
          ))}
        </dl>
      ) : null}
      {defaults ? (
        <button type="button" class="button quiet small" aria-expanded={all} onClick={() => setAll(!all)}>
          <Icon name={all ? "up" : "down"} /> {all ? "Without defaults" : `${defaults} defaults`}
        </button>
      ) : null}
    </section>
  );
}

/** What a person calls the object: a route by what it takes and where it leads, others by their name. */
function Title({ item, section }: { item: Configured; section: string }) {
  const name = item.name ?? item.id ?? "unnamed";
  if (section === "services") return <ServiceLink name={name} />;
  const taken = section === "routes" ? matchText(item) : "";
  if (!taken) return <Foreign text={name} />;
  return (
    <>
      <Foreign class="mono" text={taken} />
      {item.action ? (
        <span class="configured-target">
          {" → "}
          <Foreign text={actionText(item.action)} />
        </span>
      ) : null}
    </>
  );
}

function matchText({ match }: Configured): string {
  if (!match) return "";
  const { methods, hosts, path } = match;
  const where = typeof path === "string" ? path : path?.kind === "prefix" ? `${(path.value ?? "").replace(/\/$/, "")}/**` : (path?.value ?? "");
  const host = hosts?.length ? (hosts[0] ?? "") + (hosts.length > 1 ? ` (+${hosts.length - 1})` : "") : "";
  return [methods?.join(", "), host + (host && hosts && hosts.length > 1 ? ` ${where}` : where)].filter(Boolean).join(" ");
}

/** A second, quieter line: the id of a route, what a service runs, where a listener listens. */
function Under({ item, section }: { item: Configured; section: string }) {
  const parts: string[] = [];
  if (section === "routes" && matchText(item)) {
    parts.push(item.id ?? "");
    if ((item.match?.hosts?.length ?? 0) > 1) parts.push(`hosts: ${item.match?.hosts?.join(", ")}`);
  }
  if (item.address) parts.push(item.address);
  if (item.caller) parts.push(`takes the calls of ${item.caller}`);
  if (item.tls) parts.push("TLS");
  if (item.source?.command) parts.push(item.source.command);
  const text = parts.filter(Boolean).join(" · ");
  return text ? (
    <p class="configured-under">
      <Foreign text={text} />
    </p>
  ) : null;
}

/** The services a route leads to, or the action as it is written. */
function actionText(action: unknown): string {
  if (typeof action !== "object" || action === null) return visible(action);
  const { targets, kind, status, authority, path } = action as Record<string, unknown>;
  if (Array.isArray(targets)) {
    const all = targets as { service?: unknown; weight?: number }[];
    const whole = all.reduce((sum, target) => sum + (target.weight ?? 0), 0);
    return all.map((target) => `${visible(target.service)}${all.length > 1 && whole ? ` ${Math.round(((target.weight ?? 0) / whole) * 100)}%` : ""}`).join(", ");
  }
  if (kind === "redirect" || kind === "respond") return [kind, status, authority, path].filter((part) => part !== null && part !== undefined).map(visible).join(" ");
  return kind ? visible(kind) : visible(action);
}

function SettingRow({ setting }: { setting: Setting }) {
  return (
    <div class={setting.default ? "is-default" : ""}>
      <dt>
        <Foreign text={setting.key} />
      </dt>
      <dd>
        <Foreign class="mono wrap" text={setting.value === null ? "none" : setting.value} />
        {setting.default ? <span class="tag">default</span> : <Place origin={setting.origin} />}
      </dd>
    </div>
  );
}

function Files({ files }: { files: { name: string; text: string }[] }) {
  const name = parameter("file") || files[0]?.name || "";
  const line = Number(parameter("line")) || 0;
  const file = files.find((one) => one.name === name) ?? files.find((one) => one.name.endsWith(`/${name}`));
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const target = box.current?.querySelector<HTMLElement>(`#L${line}`);
    if (!target || !box.current) return;
    box.current.scrollTop = target.offsetTop - box.current.clientHeight / 3;
    if (box.current.getBoundingClientRect().top > innerHeight * 0.8) box.current.scrollIntoView({ block: "center" });
  }, [line, file]);
  if (files.length === 0) return <Empty title="No files">The configuration was not read from files.</Empty>;
  return (
    <div class="files">
      <div class="file-tabs" role="tablist" aria-label="Files">
        {files.map((one) => (
          <button key={one.name} type="button" role="tab" aria-selected={one === file} onClick={() => change({ file: one.name, line: null }, "push")}>
            <Foreign text={one.name} />
          </button>
        ))}
      </div>
      <div class="file" ref={box} tabIndex={0} role="region" aria-label={`Text of ${visible(name)}`}>
        {file ? <FileText text={file.text} line={line} /> : <p class="faint quiet-line">This file is not part of the configuration in force.</p>}
      </div>
    </div>
  );
}

function FileText({ text, line }: { text: string; line: number }) {
  const lines = text.replace(/\n$/, "").split("\n");
  return (
    <ol class="code">
      {lines.map((content, index) => (
        <li key={index} id={`L${index + 1}`} class={index + 1 === line ? "marked" : ""} aria-current={index + 1 === line ? "true" : undefined}>
          <button type="button" class="line-number" tabIndex={-1} aria-label={`Line ${index + 1}`} onClick={() => change({ line: String(index + 1) })}>
            {index + 1}
          </button>
          <code>{highlight(visible(content))}</code>
        </li>
      ))}
    </ol>
  );
}

/** Keys and comments of YAML, no more: enough to read by. */
function highlight(line: string) {
  const comment = /(^|\s)#.*$/.exec(line);
  const code = comment ? line.slice(0, comment.index) : line;
  const key = /^(\s*(?:- )?(?:\{ )?)([\w./*"'-]+)(:)(?=\s|$)/.exec(code);
  return (
    <>
      {key ? (
        <>
          {key[1]}
          <span class="code-key">{key[2]}</span>
          {code.slice(key[0].length - 1)}
        </>
      ) : (
        code
      )}
      {comment ? <span class="code-comment">{line.slice(comment.index)}</span> : null}
    </>
  );
}

/** Asks where a request would go, without sending it. */
function Explain() {
  const asked = parameter("url");
  const method = parameter("method") || "GET";
  const field = useRef<HTMLInputElement>(null);
  const [answer, setAnswer] = useState<{ explanation: Explanation } | { error: string } | null>(null);
  useEffect(() => {
    setAnswer(null);
    if (!asked) return;
    const abort = new AbortController();
    get<Explanation>(`/v1/explain?url=${encodeURIComponent(asked)}&method=${encodeURIComponent(method)}`, abort.signal).then(
      (explanation) => setAnswer({ explanation }),
      (error: unknown) => abort.signal.aborted || setAnswer({ error: error instanceof Error ? error.message : String(error) }),
    );
    return () => abort.abort();
  }, [asked, method]);
  return (
    <div class="explain">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          change({ url: field.current?.value.trim() ?? "" }, "push");
        }}
      >
        <label class="select">
          <span class="hidden">Method</span>
          <select value={method} onChange={(event) => change({ method: event.currentTarget.value === "GET" ? null : event.currentTarget.value })}>
            {["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label class="search grow">
          <span class="hidden">URL</span>
          <input ref={field} key={asked} type="text" inputMode="url" defaultValue={asked} placeholder={`Where would this URL go? https://${project.value || "shop"}.localhost/api`} autocomplete="off" spellcheck={false} />
        </label>
        <button type="submit" class="button">
          Explain
        </button>
      </form>
      {answer ? "error" in answer ? <p class="tone-bad explain-answer" role="alert">{visible(answer.error)}</p> : <Explained explanation={answer.explanation} /> : null}
    </div>
  );
}

function Explained({ explanation }: { explanation: Explanation }) {
  const passed = explanation.passed_over ?? [];
  return (
    <div class="explain-answer" role="status">
      <p class="explain-way">
        {explanation.listener ? <span class="chip">{visible(explanation.listener)}</span> : <span class="tone-warn">no listener</span>}
        <span aria-hidden="true">→</span>
        {explanation.route ? (
          <span class="chip">
            <Foreign text={explanation.route.id} /> <Place origin={explanation.route.origin} />
          </span>
        ) : (
          <span class="tone-bad">no route takes it: 404</span>
        )}
        {(explanation.filters ?? []).length ? (
          <>
            <span aria-hidden="true">→</span>
            <span class="chip faint">{explanation.filters?.map(visible).join(", ")}</span>
          </>
        ) : null}
        {(explanation.targets ?? []).map((target) => (
          <span key={target.service} class="explain-target">
            <span aria-hidden="true">→ </span>
            <ServiceLink name={target.service} /> {target.percent < 100 ? `${target.percent}%` : ""} <span class="faint">{target.endpoints.length === 1 ? "1 endpoint" : `${target.endpoints.length} endpoints`}</span>
          </span>
        ))}
      </p>
      {passed.length ? (
        <details>
          <summary>{passed.length} routes were passed over</summary>
          <ul>
            {passed.map((route) => (
              <li key={route.route}>
                <Foreign class="mono" text={route.route} /> <span class="faint">{visible(route.because)}</span>
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </div>
  );
}
