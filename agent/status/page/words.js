// Numbers and times as people read them, and elements made of text. All text goes in as text, never as HTML.

export const at = (id) => document.getElementById(id);

export function set(id, text) {
  const e = at(id);
  if (e.textContent !== text) e.textContent = text;
}

export function make(tag, text = "", className = "") {
  const e = document.createElement(tag);
  if (text !== "") e.textContent = text;
  if (className) e.className = className;
  return e;
}

// number is an element that shows value and has the exact one for machines: field is its name in the API.
export function number(tag, field, value, text, className) {
  const e = make(tag, text, className);
  e.dataset.field = field;
  e.dataset.value = value;
  e.title = count(value);
  return e;
}

// fill puts children into the element with this id, unless it has them already: key says what they show.
const shown = new Map();
export function fill(id, key, children) {
  if (shown.get(id) === key) return;
  shown.set(id, key);
  at(id).replaceChildren(...children());
}

// size says bytes with three digits, as logboom status does.
export function size(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let i = 0;
  for (; Math.abs(n) >= (i ? 1023.5 : 1024) && i < units.length - 1; i++) n /= 1024;
  return (i ? n.toFixed(Math.abs(n) < 9.995 ? 2 : Math.abs(n) < 99.95 ? 1 : 0) : Math.round(n)) + " " + units[i];
}

export const count = (n) => n.toLocaleString("en");

export function lasting(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return s + " s";
  if (s < 7200) return Math.round(s / 60) + " min";
  if (s < 172800) return Math.round(s / 3600) + " h";
  return Math.round(s / 86400) + " days";
}

export const never = (time) => !time || time.startsWith("0001-");
export const since = (s, time) => (new Date(s.now) - new Date(time)) / 1000;

export function clock(time) {
  return new Date(time).toLocaleString("sv"); // 2026-11-22 16:01:41, in the reader's time zone
}

// table makes a table with a caption that screen readers say, of rows of texts or elements.
export function table(caption, heads, rows, numeric = []) {
  const t = make("table"), head = make("tr");
  t.append(make("caption", caption, "unseen"));
  head.append(...heads.map((h, i) => Object.assign(make("th", h, numeric.includes(i) ? "number" : ""), { scope: "col" })));
  const thead = make("thead"), tbody = make("tbody");
  thead.append(head);
  tbody.append(...rows.map((row) => {
    const tr = make("tr");
    tr.append(...row.map((cell, i) => {
      const td = make("td", "", numeric.includes(i) ? "number" : "");
      td.dataset.head = heads[i];
      td.append(cell);
      return td;
    }));
    return tr;
  }));
  t.append(thead, tbody);
  return t;
}
