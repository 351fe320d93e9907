// Fills the page from the agent's API every two seconds while somebody looks at it.
import { at, count, fill, lasting, make, never, number, set, since, size } from "./words.js";
import { drawCharts, rates } from "./charts.js";
import { refreshFiles } from "./files.js";
import { refreshDetails } from "./details.js";

const every = 2000; // ms

// get asks the agent; a refusal (403) is null.
async function get(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(5000) });
  if (answer.status === 403) return null;
  if (!answer.ok) throw new Error(path + " answers " + answer.status);
  return answer.json();
}

// verdict is the first line: that nothing is lost, or what is wrong.
function drawVerdict(s) {
  const worst = s.problems[0];
  const sum = Object.values(s.lost_bytes || {}).reduce((a, b) => a + b, 0);
  const text = worst ? sentence(worst.what) : "Nothing is lost, nothing is stuck.";
  set("verdict", text);
  at("state").className = worst ? worst.severity : "good";
  document.title = (worst ? (sum ? "LOST" : worst.severity) + " · " : "") + "logboom " + s.node;
  set("help", worst ? (worst.do ? "What helps: " + sentence(worst.do) : "") : "Every line that was read is stored, or waits on this node's disk.");
  fill("problems", JSON.stringify(s.problems), () => s.problems.slice(1).map((p) => {
    const li = make("li", "", p.severity);
    li.append(make("b", p.severity), " " + sentence(p.what));
    if (p.do) li.append(make("small", sentence(p.do)));
    return li;
  }));
}

function sentence(text) {
  if (/^(logboom |https?:)/.test(text)) return text + "."; // a command, or an address
  return text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");
}

// places are the homes of what was read: their sum is what was read.
const places = [["acked_bytes", "delivered"], ["waiting_bytes", "waiting"], ["dead_letter_bytes", "dead letters"], ["excluded_bytes", "excluded"], ["lost_read_bytes", "lost"]];

function drawAccount(s) {
  const a = s.account, sum = places.reduce((n, [field]) => n + a[field], 0);
  fill("account", JSON.stringify(a), () => {
    const term = (field, name, sign) => {
      const div = make("div", "", field);
      div.append(make("span", sign, "sign"), number("b", "account." + field, a[field], size(a[field])), make("span", name, "name"));
      return div;
    };
    return [term("read_bytes", "read", ""), ...places.map(([field, name], i) => term(field, name, i ? "+" : sum === a.read_bytes ? "=" : "≠"))];
  });
  fill("bar", JSON.stringify(a), () => places.filter(([field]) => a[field] > 0).map(([field]) => {
    const part = make("span", "", field);
    part.style.flexGrow = a[field] / a.read_bytes;
    return part;
  }));
  at("bar").setAttribute("aria-label", "Of what was read: " + places.map(([field, name]) => name + " " + share(a[field], a.read_bytes)).join(", "));
  fill("before", JSON.stringify([a, s.file_count]), () => [
    "Not read yet: ", number("b", "account.unread_bytes", a.unread_bytes, size(a.unread_bytes)), " in ", number("b", "file_count", s.file_count, count(s.file_count)),
    " files. Lost before it was read: ", number("b", "account.lost_unread_bytes", a.lost_unread_bytes, size(a.lost_unread_bytes)),
    ". Known to be written: ", number("b", "account.known_bytes", a.known_bytes, size(a.known_bytes)), ".",
  ]);
}

function share(part, whole) {
  return whole ? (100 * part / whole).toFixed(1) + " %" : "0 %";
}

function drawTiles(s, history) {
  const w = s.wal, d = s.delivery, r = rates(history);
  const full = w.full_in_seconds > 0 ? "full in " + lasting(w.full_in_seconds) + " at this rate" : w.room_bytes > 0 ? "it does not fill" : "it is full";
  const up = d.backend_up ? "answers" : d.last_error ? "takes nothing" : "not tried yet";
  const next = never(d.next_retry) ? "" : since(s, d.next_retry) < 0 ? "next attempt in " + lasting(-since(s, d.next_retry)) : "an attempt is on its way";
  const tiles = [
    ["Buffer", number("b", "wal.bytes", w.bytes, size(w.bytes)), [full, "of " + size(w.max_bytes) + ", room for " + size(w.room_bytes)],
      w.full_in_seconds > 0 || !w.room_bytes ? "warning" : "", w.bytes / (w.bytes + w.room_bytes)],
    ["Backend", make("b", up), [d.last_error && sentence(d.last_error), next, never(d.last_ack) ? "nothing stored since the start" : "last stored " + lasting(since(s, d.last_ack)) + " ago"],
      up === "takes nothing" ? "stuck" : d.last_error ? "warning" : ""],
    ["Delay", make("b", never(w.oldest_block) ? "none" : lasting(since(s, w.oldest_block))), [never(w.oldest_block) ? "nothing waits" : "the oldest line in the buffer"], ""],
    ["Speed", make("b", r ? size(r.delivered) + "/s" : "…"), r ? ["delivered", size(r.secured) + "/s secured, " + size(r.written) + "/s written"] : ["after ten seconds"], ""],
    ["Events stored", number("b", "delivery.stored_events", d.stored_events, count(d.stored_events)), [count(d.duplicate_events) + " were stored already"], ""],
    ["Rotated files", make("b", s.intake.pins ? "hard links" : "open descriptors"), ["keep them until they are read", s.intake.pin_bytes ? size(s.intake.pin_bytes) + " on disk" : ""], s.intake.pins ? "" : "warning"],
  ];
  if (s.metadata.asked) {
    const m = s.metadata;
    tiles.push(["Pods", number("b", "metadata.pods", m.pods, count(m.pods)), [m.error ? sentence("the Kubernetes API does not answer: " + m.error) : "the Kubernetes API tells of them"], m.error ? "warning" : ""]);
  }
  fill("tiles", JSON.stringify([tiles.map(([name, value, more, level, part]) => [name, value.textContent, more, level, part])]), () => tiles.map(([name, value, more, level, part]) => {
    const tile = make("div", "", "tile " + level);
    tile.append(make("h3", name), value);
    if (part !== undefined) {
      const m = Object.assign(make("meter"), { min: 0, max: 1, high: 0.8, optimum: 0, value: part || 0 });
      m.setAttribute("aria-label", "Share of the room that is used");
      tile.append(m);
    }
    tile.append(...more.filter(Boolean).map((line) => make("small", line)));
    return tile;
  }));
}

let history = null, asked = 0;

async function refresh() {
  if (document.hidden) return;
  try {
    const s = await get("api/v1/status?files=0");
    if (!history || Date.now() - asked > 5 * every) {
      history = await get("api/v1/history");
      asked = Date.now();
      drawCharts(history, s);
    }
    set("node", s.node);
    set("subtitle", "Version " + (s.version || "unknown") + ", running for " + lasting(since(s, s.started)));
    drawVerdict(s);
    drawAccount(s);
    drawTiles(s, history);
    await refreshFiles(get, s);
    await refreshDetails(get, s);
    at("stale").hidden = true;
    document.body.dataset.now = s.now;
  } catch (e) {
    set("stale", "The agent does not answer (" + e.message + "). What stands below is old.");
    at("stale").hidden = false;
  }
}

async function go() {
  await refresh();
  setTimeout(go, every);
}

go();
document.addEventListener("visibilitychange", refresh);
