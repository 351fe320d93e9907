// Ledger, dead letters and configuration: asked for when they changed, for they may be long.
import { at, clock, count, fill, make, number, set, size, table } from "./words.js";

const of = (n, one, many) => count(n) + " " + (n === 1 ? one : many);
const most = 100; // dead letters that the agent gives out
const done = {}; // what each list shows

// once calls draw when key is another one than the last time. What fails, or is not whole yet, is tried again: what was
// counted can be listed a second later.
async function once(name, key, draw) {
  if (done[name] !== key && await draw()) done[name] = key;
}

let get = null;

export async function refreshDetails(ask, s) {
  get = ask;
  const lost = Object.entries(s.lost_bytes || {}).filter(([, n]) => n > 0);
  fill("lost", JSON.stringify(lost), () => lost.length
    ? [...lost.flatMap(([cause, n], i) => [i ? ", " : "", number("b", "lost_bytes." + cause, n, size(n)), " " + cause]), ". The newest entries of the ledger; all of them: ", make("code", "logboom ledger -c FILE")]
    : ["Nothing."]);
  await once("losses", JSON.stringify(lost), async () => drawLosses(lost.length ? await get("api/v1/ledger/newest") : { newest: [] }) >= Math.min(lost.length, 1));

  const l = s.dead_letters, letters = l.refused_events + l.held_events;
  fill("letters", JSON.stringify([l.refused_events, l.held_events]), () => letters
    ? [number("b", "dead_letters.refused_events", l.refused_events, count(l.refused_events)), " refused for good, ", number("b", "dead_letters.held_events", l.held_events, count(l.held_events)),
      " held until their index takes documents. Send them again: ", make("code", "logboom deadletter replay -c FILE")]
    : ["None."]);
  await once("letters", JSON.stringify([l.refused_events, l.held_events]), async () => drawLetters(letters ? await get("api/v1/deadletters/oldest") : { oldest: [] }) >= Math.min(letters, most));
}

at("config-details").addEventListener("toggle", async () => {
  if (!at("config-details").open || !get) return;
  try {
    drawConfig(await get("api/v1/config"));
  } catch (e) {
    at("config").replaceChildren(make("p", "The agent does not answer (" + e.message + ").", "stuck"));
  }
});

function lost(x) {
  if (x.at_least && x.end === x.start) return "unknown";
  return (x.at_least ? "at least " : "") + size(x.end - x.start);
}

function drawLosses(l) {
  const rows = l.newest.map((x) => [clock(x.time), x.cause, path(x.path), lost(x), count(x.start) + " to " + count(x.end), x.detail || ""]);
  at("losses").replaceChildren(...(rows.length ? [box("Newest entries of the ledger", ["When", "Cause", "File", "Bytes", "Range", "Detail"], rows, [3])] : []));
  return rows.length;
}

function drawLetters(l) {
  if (!l) {
    at("letters-list").replaceChildren(make("p", "The lines themselves are shown on the node only: logboom deadletter ls -c FILE, or this page at a loopback address.", "soft"));
    return most;
  }
  const rows = l.oldest.map((x) => [clock(x.time), x.state, x.index, x.type, x.reason, path(x.path), make("code", x.line)]);
  at("letters-list").replaceChildren(...(rows.length ? [box("Oldest dead letters", ["When", "State", "Index", "Reason", "Backend's words", "File", "Line"], rows)] : []));
  return rows.length;
}

function drawConfig(settings) {
  const rows = settings.map((x) => [make("code", x.key), x.value === "" ? "–" : x.value, x.default ? "default" : ""]);
  at("config").replaceChildren(box("Configuration", ["Key", "Value", ""], rows));
}

function path(text) {
  return make("span", text, "path");
}

// box is a table that scrolls by itself where it is too wide, by keyboard too.
function box(caption, heads, rows, numeric) {
  const b = make("div", "", "scroll");
  b.tabIndex = 0;
  b.setAttribute("role", "region");
  b.setAttribute("aria-label", caption);
  b.append(table(caption, heads, rows, numeric));
  return b;
}
