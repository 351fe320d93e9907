// The charts of the last hour. Each has a table behind it with the same numbers.
/* global uPlot */
import { at, fill, lasting, make, set, size, table } from "./words.js";

const speed = (n) => size(n) + "/s";

// charts say what is drawn: lines of columns of the history, or of what is made from them.
const charts = [
  { id: "rates", title: "Speed", show: speed, lines: [["written", "Written by containers", "--line-1"], ["secured", "Secured in the WAL", "--line-2"], ["delivered", "Delivered", "--line-3"]] },
  { id: "lag", title: "Not read yet", show: size, lines: [["unread_bytes", "In log files, not secured yet", "--line-1"]] },
  { id: "wal", title: "Write-ahead log", show: size, lines: [["wal_bytes", "On disk", "--line-2"]] },
  { id: "delay", title: "Delay of delivery", show: lasting, lines: [["oldest_seconds", "The oldest line waits", "--line-3"]] },
];
const plots = new Map();
let data = null; // columns, with the rates

// withRates adds what counters grew by per second. What shrinks began anew, or was lost.
function withRates(h) {
  const c = { ...h.samples };
  for (const [name, counter] of [["written", "written_bytes"], ["secured", "read_bytes"], ["delivered", "acked_bytes"]]) {
    c[name] = c[counter].map((n, i) => i ? Math.max(0, (n - c[counter][i - 1]) / (c.time[i] - c.time[i - 1])) : null);
  }
  return c;
}

// rates are the newest speeds, in bytes a second; null where two samples are not there yet.
export function rates(h) {
  const c = withRates(h), i = c.time.length - 1;
  return i < 1 ? null : { written: c.written[i], secured: c.secured[i], delivered: c.delivered[i] };
}

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// bands colors the times in which the backend did not answer, or reading stood still.
function bands(u) {
  const { ctx } = u, { top, height } = u.bbox;
  data.time.forEach((t, i) => {
    const bad = data.blocked[i] ? "--band-blocked" : data.backend_up[i] ? "" : "--band-down";
    if (!bad) return;
    const from = u.valToPos(i ? data.time[i - 1] : t, "x", true), to = u.valToPos(t, "x", true);
    ctx.fillStyle = color(bad);
    ctx.fillRect(from, top, Math.max(1, to - from), height);
  });
}

const powers = Array.from({ length: 60 }, (_, i) => 2 ** i);
const times = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800];

function options(chart, width) {
  const axis = { stroke: color("--soft"), grid: { stroke: color("--grid"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return {
    width, height: 170, padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    hooks: { drawClear: [bands], setCursor: [(u) => read(chart, u.cursor.idx)] },
    scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.1, chart.show === lasting ? 10 : 1024)] } },
    axes: [
      { ...axis, size: 28, values: (_, splits) => splits.map((t) => uPlot.fmtDate(splits[1] - splits[0] < 60 ? "{HH}:{mm}:{ss}" : "{HH}:{mm}")(new Date(t * 1000))), space: 70 },
      { ...axis, values: (_, splits) => splits.map((n) => n ? chart.show(n).replace(/\.0+ /, " ") : "0"), size: 82, space: 34, incrs: chart.show === lasting ? times : powers },
    ],
    series: [{}, ...chart.lines.map(([, name, stroke]) => ({ label: name, stroke: color(stroke), width: 2, points: { show: false }, fill: chart.lines.length === 1 ? color(stroke) + "22" : undefined }))],
  };
}

// read says the values at a place of the chart, or the newest ones.
function read(chart, i) {
  const k = i ?? data.time.length - 1;
  chart.lines.forEach(([column], n) => { chart.values[n].textContent = data[column][k] == null ? "–" : chart.show(data[column][k]); });
  chart.when.textContent = i == null ? "now" : new Date(data.time[k] * 1000).toLocaleTimeString();
}

// frame makes what stands around a chart: title, legend with values, and the table.
function frame(chart) {
  const figure = make("figure"), caption = make("figcaption"), legend = make("ul", "", "legend");
  chart.when = make("small", "");
  caption.append(make("h3", chart.title), chart.when);
  chart.values = chart.lines.map(([, name, stroke]) => {
    const li = make("li", name + " "), value = make("b", "");
    li.prepend(make("i", "", stroke.slice(2)));
    li.append(value);
    legend.append(li);
    return value;
  });
  chart.plot = make("div", "", "plot");
  chart.plot.setAttribute("role", "img");
  chart.details = make("details");
  chart.table = make("div", "", "scroll short");
  chart.table.tabIndex = 0;
  chart.table.setAttribute("role", "region");
  chart.table.setAttribute("aria-label", chart.title + ", as a table");
  chart.details.append(make("summary", "As a table"), chart.table);
  chart.details.addEventListener("toggle", () => tabulate(chart));
  figure.append(caption, legend, chart.plot, chart.details);
  figure.id = "chart-" + chart.id;
  return figure;
}

// tabulate fills the table, newest first, when it is open.
function tabulate(chart) {
  if (!chart.details.open) return;
  const rows = data.time.map((t, i) => [new Date(t * 1000).toLocaleTimeString(), ...chart.lines.map(([column]) => data[column][i] == null ? "–" : chart.show(data[column][i]))]);
  chart.table.replaceChildren(table(chart.title, ["Time", ...chart.lines.map(([, name]) => name)], rows.reverse(), chart.lines.map((_, n) => n + 1)));
}

// drawCharts shows a history.
export function drawCharts(h) {
  data = withRates(h);
  const n = data.time.length;
  set("charts-note", n < 2 ? "Charts begin a few seconds after the start." :
    "A sample each 10 seconds, in the agent's memory: " + lasting(data.time[n - 1] - data.time[0]) + " so far. Where the background is colored, the backend did not answer; darker, reading stood still.");
  fill("charts", "once", () => charts.map(frame));
  at("charts").hidden = n < 2;
  if (n < 2) return;
  for (const chart of charts) {
    const columns = [data.time, ...chart.lines.map(([column]) => data[column])];
    const plot = plots.get(chart.id);
    if (plot) plot.setData(columns);
    else plots.set(chart.id, new uPlot(options(chart, chart.plot.clientWidth), columns, chart.plot));
    read(chart, plots.get(chart.id).cursor.idx);
    chart.plot.setAttribute("aria-label", chart.title + ": " + chart.lines.map(([column, name]) =>
      name + " " + chart.show(data[column][n - 1] ?? 0) + " now, at most " + chart.show(Math.max(...data[column]))).join("; "));
    tabulate(chart);
  }
}

// again draws with other colors, or another width.
function again(anew) {
  for (const chart of charts) {
    const plot = plots.get(chart.id);
    if (!plot) continue;
    if (anew) {
      plot.destroy();
      plots.set(chart.id, new uPlot(options(chart, chart.plot.clientWidth), plot.data, chart.plot));
    } else if (plot.width !== chart.plot.clientWidth) {
      plot.setSize({ width: chart.plot.clientWidth, height: plot.height });
    }
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => again(true));
new ResizeObserver(() => again(false)).observe(at("charts"));
