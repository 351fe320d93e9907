// Fills the page from api/v1/status every two seconds while somebody looks at it. All text goes in as text, never as HTML.
"use strict";

const every = 2000; // ms
const worst = 20;
let before = null;

const at = (id) => document.getElementById(id);
const set = (id, text) => { const e = at(id); if (e.textContent !== text) e.textContent = text; };

function make(tag, text, className) {
  const e = document.createElement(tag);
  e.textContent = text;
  if (className) e.className = className;
  return e;
}

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (Math.abs(n) >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return (i ? n.toFixed(1) : n) + " " + units[i];
}

function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return s + " s";
  if (s < 7200) return Math.round(s / 60) + " min";
  if (s < 172800) return Math.round(s / 3600) + " h";
  return Math.round(s / 86400) + " days";
}

const never = (time) => !time || time.startsWith("0001-");
const count = (n) => n.toLocaleString("en");
const since = (s, time) => (new Date(s.now) - new Date(time)) / 1000;

// rate is what a counter grew by per second since the last fetch; "" the first time and after a restart.
function rate(s, get, show) {
  if (!before || before.started !== s.started) return "";
  const seconds = (new Date(s.now) - new Date(before.now)) / 1000;
  return seconds > 0 ? show((get(s) - get(before)) / seconds) + "/s" : "";
}

function verdict(s) {
  const bad = ["loss", "stuck", "warning"].find((severity) => s.problems.some((p) => p.severity === severity));
  const words = { loss: "Logs were lost", stuck: "Something stands still", warning: "Working, with a warning" };
  return bad ? [words[bad], bad] : ["Working", "good"];
}

function numbers(s) {
  const d = s.delivery, w = s.wal;
  const wait = never(w.oldest_block) ? "nothing waits" : "oldest waits " + duration(since(s, w.oldest_block));
  return [
    ["Secured", bytes(s.intake.read_bytes), rate(s, (x) => x.intake.read_bytes, (n) => bytes(Math.round(n)))],
    ["Not secured yet", bytes(s.intake.unread_bytes), s.intake.blocked],
    ["Write-ahead log", bytes(w.bytes), "of " + bytes(w.max_bytes) + ", " + wait, w.max_bytes ? w.bytes / w.max_bytes : 0],
    ["Stored events", count(d.stored_events), rate(s, (x) => x.delivery.stored_events, (n) => count(Math.round(n)))],
    ["Sent twice, stored once", count(d.duplicate_events), ""],
    ["Dead letters", count(d.dead_letter_events), ""],
    ["Backend", d.backend_up ? "answers" : "does not answer", d.last_error],
    ["Last stored", never(d.last_ack) ? "not yet" : duration(since(s, d.last_ack)) + " ago", ""],
    ["Rotated files kept by", s.intake.pins ? "hard links" : "open descriptors", bytes(s.intake.pin_bytes)],
    ["Files", count(s.file_count), s.intake.open_files + " open"],
  ];
}

function fill(s) {
  set("node", s.node);
  set("subtitle", "Version " + (s.version || "unknown") + ", running for " + duration(since(s, s.started)));
  const [text, className] = verdict(s);
  set("verdict", text);
  at("verdict").className = className;
  at("problems").replaceChildren(...s.problems.map((p) => {
    const li = make("li", "");
    li.append(make("b", p.severity, p.severity), ": " + p.what + (p.do ? ". " + p.do : ""));
    return li;
  }));
  at("numbers").replaceChildren(...numbers(s).map(([name, value, more, share]) => {
    const div = make("div", ""), dd = make("dd", value);
    if (share !== undefined) {
      const m = make("meter", "");
      Object.assign(m, { min: 0, max: 1, high: 0.9, value: share });
      m.setAttribute("aria-label", name);
      dd.append(m);
    }
    if (more) dd.append(make("small", more));
    div.append(make("dt", name), dd);
    return div;
  }));
  at("files").replaceChildren(...s.files.slice(0, worst).map((f) => {
    const tr = make("tr", "");
    tr.append(make("td", f.path), make("td", f.error ? f.state + ": " + f.error : f.state), make("td", bytes(f.lag), "number"), make("td", bytes(f.size), "number"));
    return tr;
  }));
  const lost = Object.entries(s.lost_bytes || {}).filter(([, n]) => n > 0);
  set("lost", lost.length ? lost.map(([cause, n]) => bytes(n) + " " + cause).join(", ") + ": logboom ledger lists what" : "Nothing");
}

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch("api/v1/status", { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error("status " + answer.status);
    const s = await answer.json();
    s.files ||= [];
    s.problems ||= [];
    fill(s);
    before = s;
    at("stale").hidden = true;
  } catch (e) {
    set("stale", "The agent does not answer (" + e.message + "). What stands below is old.");
    at("stale").hidden = false;
  }
}

refresh();
setInterval(refresh, every);
document.addEventListener("visibilitychange", refresh);
