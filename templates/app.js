"use strict";
<% include "copying.js" %>
// The page asks `ask(question)`, which a server or Python in the browser answers.
let ask;
const by = (id) => document.getElementById(id);
const fields = ["text", "variables"];
let kinds = ["gradient"];
let upstream = "";
let turn = 0;
let waiting;

function asked(what, more = {}) {
  const question = { what, text: by("text").value, variables: by("variables").value, upstream };
  return ask({ ...question, kind: by("kind").value, name: by("name").value, ...more });
}

function trouble(id, error, field) {
  const box = by(id);
  box.hidden = !error;
  if (field) by(field).setAttribute("aria-invalid", error ? "true" : "false");
  if (!error) return;
  const parts = [error.message, error.shown || "", error.remedy ? `  ${error.remedy}` : ""];
  box.textContent = parts.filter(Boolean).join("\n");
}

function option(value, text) {
  const found = document.createElement("option");
  found.value = value;
  found.textContent = text;
  return found;
}

// What is typed is read at once: shapes of all names, or what is wrong and where.
async function read() {
  clearTimeout(waiting);
  const mine = ++turn;
  if (!by("text").value.trim()) {
    trouble("trouble", null, "text");
    by("names").replaceChildren();
    return false;
  }
  const found = await asked("read");
  if (mine !== turn) return false;
  trouble("trouble", found.ok ? null : found.error, "text");
  if (!found.ok) return false;
  const shown = found.names.map((n) => {
    const part = document.createElement("span");
    part.textContent = `${n.name}: ${n.shape}`;
    if (n.inferred) {
      part.className = "guess";
      part.title = "not declared: read so by the rule for names";
    }
    return part;
  });
  by("names").replaceChildren(...shown);
  keep(by("name"), ["", ...found.names.filter((n) => n.by).map((n) => n.name)], "all");
  kinds = found.kinds;
  keep(by("kind"), kinds);
  about();
  return true;
}

function keep(select, values, first) {
  const before = select.value;
  select.replaceChildren(...values.map((v) => option(v, v || first)));
  if (values.includes(before)) select.value = before;
}

const chosen = () => by("name").value || (by("name").options[1] || { value: "" }).value;
function about() { by("about").textContent = chosen() || "..."; }

async function derive(remembered = true) {
  if (!(await read())) return;
  const mine = turn;
  const started = performance.now();
  by("state").textContent = "deriving ...";
  const name = by("kind").value === "gradient" ? by("name").value : chosen();
  const found = await asked("derive", { name });
  if (mine !== turn) return;
  by("state").textContent = "";
  trouble("trouble", found.ok ? null : found.error, "text");
  by("result").hidden = !found.ok;
  if (!found.ok) return;
  by("answer").innerHTML = found.html;
  by("checked").textContent = `derived in ${Math.round(performance.now() - started)} ms`;
  copies(found.results);
  closePanel();
  if (remembered) remember();
  if (by("kind").value === "gradient") verify(name, mine);
}

// The answer stands at once; that both roads agree is said when it is known. It is asked for when
// nothing else is: what is typed meanwhile comes first.
async function verify(name, mine) {
  await new Promise((resolve) => setTimeout(resolve, 700));
  if (mine !== turn) return;
  const found = await asked("check", { name });
  if (mine !== turn || !found.ok) return;
  if (found.disagree.length) {
    by("result").hidden = true;
    const message = `two ways to ${found.disagree.join(", ")} disagree: please report this`;
    trouble("trouble", { message }, "text");
    return;
  }
  by("checked").textContent += `; equal to SymPy's derivative in all ${found.entries} entries of small sizes`;
}

// Each result as text to paste: in the language, in LaTeX, in Unicode.
function copies(results) {
  const rows = results.map((r) => {
    const row = document.createElement("span");
    row.append(`Copy ${results.length > 1 ? r.name : "it"} as`);
    for (const [kind, words] of [["text", "text"], ["latex", "LaTeX"], ["unicode", "Unicode"]]) {
      const b = document.createElement("button");
      b.type = "button";
      b.textContent = words;
      b.setAttribute("aria-label", `Copy the derivative by ${r.name} as ${words}`);
      b.addEventListener("click", () => copy(r[kind], b));
      row.append(b);
    }
    return row;
  });
  by("copies").replaceChildren(...rows);
}

async function copy(text, button) {
  await put(text);
  const before = button.textContent;
  button.textContent = "copied";
  setTimeout(() => { button.textContent = before; }, 1200);
}

function closePanel() {
  by("panel").hidden = true;
  for (const t of document.querySelectorAll("[role=tab]")) t.setAttribute("aria-selected", "false");
}

async function open(tab) {
  const mine = turn;
  const wanted = tab.getAttribute("aria-selected") !== "true";
  closePanel();
  if (!wanted) return;
  tab.setAttribute("aria-selected", "true");
  by("panel").hidden = false;
  by("panel").setAttribute("aria-labelledby", tab.id);
  by("panel").textContent = "...";
  const name = by("kind").value === "gradient" ? by("name").value : chosen();
  const found = await asked(tab.dataset.what, {
    name, style: tab.dataset.style || "index", target: tab.dataset.target || "numpy",
  });
  if (mine !== turn) return;
  if (!found.ok) {
    by("panel").textContent = found.error.message;
  } else if (found.code !== undefined) {
    const listing = document.createElement("pre");
    listing.tabIndex = 0;
    listing.textContent = found.code;
    const b = document.createElement("button");
    b.type = "button";
    b.textContent = "Copy the module";
    b.addEventListener("click", () => copy(found.code, b));
    by("panel").replaceChildren(b, listing);
  } else {
    by("panel").innerHTML = found.html;
    const note = document.createElement("p");
    note.className = "muted";
    note.textContent = `${found.checked} instances of these equations were evaluated, and hold.`;
    by("panel").append(note);
  }
}

async function claim() {
  if (!(await read())) return;
  by("claim-state").textContent = "checking ...";
  const name = by("syntax").value === "latex" ? by("name").value : chosen();
  const found = await asked("claim", { claim: by("claim").value, syntax: by("syntax").value, name });
  by("claim-state").textContent = "";
  trouble("claim-trouble", found.ok ? null : found.error, "claim");
  if (found.ok) by("verdict").innerHTML = found.html;
  else by("verdict").replaceChildren();
}

// A link holds the problem behind its #, which no server is sent.
function link() {
  const state = { t: by("text").value, v: by("variables").value, k: by("kind").value, n: by("name").value };
  if (upstream) state.u = upstream;
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  const code = btoa(String.fromCharCode(...bytes));
  return "#" + code.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function remember() {
  if (location.hash !== link()) history.pushState(null, "", link());
}

async function restore() {
  let state;
  try {
    const code = atob(location.hash.slice(1).replaceAll("-", "+").replaceAll("_", "/"));
    state = JSON.parse(new TextDecoder().decode(Uint8Array.from(code, (c) => c.charCodeAt(0))));
  } catch {
    return;
  }
  const plain = (x) => (typeof x === "string" ? x : "");
  by("text").value = plain(state.t);
  by("variables").value = plain(state.v);
  upstream = plain(state.u);
  await read();
  if (kinds.includes(state.k)) by("kind").value = state.k;
  if ([...by("name").options].some((o) => o.value === state.n)) by("name").value = state.n;
  await derive(false);
}

async function example(name) {
  if (!name) return;
  const found = await ask({ what: "example", name });
  if (!found.ok) return;
  by("text").value = found.text;
  by("variables").value = found.variables;
  by("text").rows = Math.min(18, found.text.split("\n").length + 1);
  by("variables").rows = Math.min(18, found.variables.split("\n").length + 1);
  upstream = found.upstream;
  by("kind").value = "gradient";
  by("name").value = "";
  await derive();
}

function typed() {
  upstream = "";
  clearTimeout(waiting);
  waiting = setTimeout(read, 120);
}

async function start(answers) {
  ask = answers;
  const found = await ask({ what: "examples" });
  for (const { group, problems } of found.groups || []) {
    const part = document.createElement("optgroup");
    part.label = group;
    part.append(...problems.map((p) => option(p.name, p.title)));
    by("examples").append(part);
  }
  for (const f of fields) by(f).addEventListener("input", typed);
  by("text").addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) derive();
  });
  by("ask").addEventListener("submit", (e) => { e.preventDefault(); derive(); });
  by("check").addEventListener("submit", (e) => { e.preventDefault(); claim(); });
  by("examples").addEventListener("change", (e) => example(e.target.value));
  by("name").addEventListener("change", () => { about(); derive(); });
  by("kind").addEventListener("change", () => derive());
  by("share").addEventListener("click", (e) => copy(location.href.split("#")[0] + link(), e.target));
  for (const t of document.querySelectorAll("[role=tab]")) t.addEventListener("click", () => open(t));
  addEventListener("popstate", restore);
  if (location.hash.length > 1) await restore();
  else {
    by("text").value = "Z = X @ W + ones(n) @ b.T\nL(Z)";
    by("variables").value = "X: n, d\nW: d, m\nb: m";
    await derive(false);
  }
  document.body.dataset.ready = "yes";
}
