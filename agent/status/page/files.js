// The table of log files: the agent sorts, filters and cuts, so that thousands of files cost no more than a page of them.
import { at, count, fill, lasting, make, never, number, set, since, size } from "./words.js";

const limit = 25;
const columns = [["path", "File"], ["state", "State"], ["lag", "Not read yet", "number"], ["size", "Size", "number"], ["grew", "Last grew", "number"]];
const query = { sort: "", desc: false, offset: 0 };

let get = null, status = null;

// refreshFiles shows what the agent says of the page of files that is looked at.
export async function refreshFiles(ask, s) {
  get = ask;
  status = s;
  const q = new URLSearchParams({ limit, offset: query.offset, filter: at("filter").value, state: at("state-filter").value });
  if (query.sort) q.set("sort", query.sort);
  if (query.desc) q.set("desc", "1");
  const l = await get("api/v1/files?" + q);
  if (query.offset > 0 && l.files.length === 0) { // there are fewer now
    query.offset = 0;
    return refreshFiles(ask, s);
  }
  draw(l, s);
}

function draw(l, s) {
  const from = l.matching ? l.offset + 1 : 0;
  set("shown", l.matching ? `${count(from)} to ${count(l.offset + l.files.length)} of ${count(l.matching)}` : l.total ? "No file matches." : "No log file is known yet.");
  at("previous").disabled = l.offset === 0;
  at("next").disabled = l.offset + l.files.length >= l.matching;
  fill("files", JSON.stringify([l.files, Math.floor(new Date(s.now) / 10000)]), () => l.files.map((f) => {
    const tr = make("tr"), path = make("th", f.path, "path");
    path.scope = "row";
    if (f.error) path.append(make("small", f.error, "stuck"));
    else if (f.doubt) path.append(make("small", f.doubt, "warning"));
    const state = make("td", f.state, f.error ? "stuck" : "");
    const lag = number("td", "lag", f.lag, size(f.lag), "number"), bytes = number("td", "size", f.size, size(f.size), "number");
    const grew = make("td", never(f.last_grew) ? "–" : lasting(since(s, f.last_grew)) + " ago", "number");
    [state, lag, bytes, grew].forEach((cell, i) => { cell.dataset.head = columns[i + 1][1]; });
    tr.append(path, state, lag, bytes, grew);
    return tr;
  }));
}

// order sorts by a column; again by the same one turns it round.
function order(sort, desc) {
  Object.assign(query, { sort, desc, offset: 0 });
  for (const [key] of columns) {
    const head = at("head-" + key);
    if (key === sort) head.setAttribute("aria-sort", desc ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  at("order").value = sort ? sort + (desc ? "-" : "") : "";
  again();
}

function again() {
  if (get) refreshFiles(get, status).catch(() => {}); // the next round says what is wrong
}

function move(by) {
  query.offset = Math.max(0, query.offset + by);
  again();
}

for (const [key, name, kind] of columns) {
  const head = make("th", "", kind), button = make("button", name);
  head.scope = "col";
  head.id = "head-" + key;
  button.type = "button";
  const first = key !== "path" && key !== "state"; // largest first
  button.addEventListener("click", () => order(key, query.sort === key ? !query.desc : first));
  head.append(button);
  at("heads").append(head);
}
at("order").append(new Option("worst first", ""), ...columns.flatMap(([key, name]) => [new Option(name + " ↑", key), new Option(name + " ↓", key + "-")]));
at("order").addEventListener("change", () => {
  const value = at("order").value;
  order(value.replace("-", ""), value.endsWith("-"));
});
for (const id of ["filter", "state-filter"]) {
  at(id).addEventListener("input", () => { query.offset = 0; again(); });
}
at("find").addEventListener("submit", (e) => e.preventDefault());
at("previous").addEventListener("click", () => move(-limit));
at("next").addEventListener("click", () => move(limit));
document.addEventListener("keydown", (e) => {
  const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement?.tagName);
  if (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey && !e.altKey) {
    e.preventDefault();
    at("filter").focus();
  } else if (e.key === "Escape" && document.activeElement === at("filter")) {
    at("filter").value = "";
    query.offset = 0;
    again();
  }
});
