// Charts of the figures, drawn from the tables beneath them, and the sorting of those tables.
//
// <figure data-chart="bars|lines" data-table="id" data-column="one or more columns">: a table's cells carry
// data-column and data-value; an empty value is "no cases" and is drawn as a gap. Lines are shares, with
// data-unit="count" whole numbers.

const VENDOR = new URL("../vendor/echarts/echarts.esm.min.mjs", import.meta.url);
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const drawn = new Map();
let echarts;

const cellsOf = (table, column) => [...table.tBodies[0].rows].map((row) => row.querySelector(`[data-column="${column}"]`));
const valueOf = (cell) => (cell.dataset.value === "" ? null : Number(cell.dataset.value));
const labelOf = (table, column) => table.tHead.querySelector(`[data-column="${column}"]`).textContent.trim();

function common() {
  return {
    animation: false,
    textStyle: { fontFamily: token("--sans"), color: token("--ink") },
    tooltip: {
      trigger: "axis",
      backgroundColor: token("--sheet"),
      borderColor: token("--rule-firm"),
      textStyle: { color: token("--ink") },
      axisPointer: { lineStyle: { color: token("--rule-firm") }, shadowStyle: { color: token("--wash"), opacity: 0.6 } },
    },
  };
}

const axis = () => ({
  axisLine: { lineStyle: { color: token("--rule-firm") } },
  axisTick: { show: false },
  axisLabel: { color: token("--muted") },
  splitLine: { lineStyle: { color: token("--rule") } },
});

/** The best at the top; units without cases have no bar and are left out. */
function bars(table, [column]) {
  const rows = cellsOf(table, column)
    .map((cell) => [cell.closest("tr").querySelector('[data-column="head"]').dataset.value, valueOf(cell)])
    .filter(([, value]) => value !== null)
    .sort((a, b) => a[1] - b[1]);
  return {
    height: `${Math.max(rows.length * 1.75 + 2.5, 6)}rem`,
    option: {
      ...common(),
      grid: { left: 4, right: 48, top: 4, bottom: 4, containLabel: true },
      xAxis: { type: "value", min: 0, max: 100, ...axis() },
      yAxis: { type: "category", data: rows.map(([name]) => name), ...axis(), axisLabel: { color: token("--ink"), interval: 0 } },
      series: [
        {
          name: labelOf(table, column),
          type: "bar",
          barMaxWidth: 14,
          data: rows.map(([, value]) => value),
          itemStyle: { color: token("--ink") },
          label: { show: true, position: "right", color: token("--ink"), formatter: ({ value }) => value.toFixed(2) },
        },
      ],
    },
  };
}

// A line is told by its dash and symbol as well as its colour.
const LOOKS = [
  { colour: "--done", type: "solid", symbol: "circle" },
  { colour: "--ink", type: "solid", symbol: "rect" },
  { colour: "--due", type: "solid", symbol: "triangle" },
  { colour: "--muted", type: "dashed", symbol: "diamond" },
];

function lines(table, columns, counts) {
  const months = cellsOf(table, "head").map((cell) => cell.dataset.value);
  const order = months.map((_month, at) => at).sort((a, b) => (months[a] < months[b] ? -1 : 1));
  const percent = (value) => (value === null || value === undefined ? "–" : `${(value * 100).toFixed(1)}%`);
  return {
    height: "20rem",
    option: {
      ...common(),
      tooltip: counts ? common().tooltip : { ...common().tooltip, valueFormatter: percent },
      legend: { top: 0, left: 0, itemGap: 16, textStyle: { color: token("--ink") } },
      grid: { left: 4, right: 24, top: 56, bottom: 4, containLabel: true },
      xAxis: { type: "category", data: order.map((at) => months[at]), ...axis() },
      yAxis: counts
        ? { type: "value", min: 0, minInterval: 1, ...axis() }
        : { type: "value", min: 0, max: 1, ...axis(), axisLabel: { color: token("--muted"), formatter: (value) => `${Math.round(value * 100)}%` } },
      series: columns.map((column, at) => {
        const values = cellsOf(table, column).map(valueOf);
        const look = LOOKS[at % LOOKS.length];
        return {
          name: labelOf(table, column),
          type: "line",
          data: order.map((place) => values[place]),
          symbol: look.symbol,
          symbolSize: 7,
          lineStyle: { color: token(look.colour), type: look.type, width: 2 },
          itemStyle: { color: token(look.colour) },
        };
      }),
    },
  };
}

const KINDS = { bars, lines };

async function draw(figure) {
  const table = document.getElementById(figure.dataset.table);
  if (!table?.tBodies[0].rows.length) return;
  const { height, option } = KINDS[figure.dataset.chart](table, figure.dataset.column.split(" "), figure.dataset.unit === "count");
  echarts ??= import(VENDOR);
  const library = await echarts;
  figure.classList.add("drawn");
  figure.style.height = height;
  let chart = drawn.get(figure);
  if (!chart) {
    chart = library.init(figure, null, { renderer: "canvas" });
    drawn.set(figure, chart);
  }
  chart.resize();
  chart.setOption(option, true);
}

/** Every chart on the page; without the library the tables still say it all. */
function drawAll() {
  for (const [figure, chart] of drawn)
    if (!figure.isConnected) {
      chart.dispose();
      drawn.delete(figure);
    }
  for (const figure of document.querySelectorAll("[data-chart]")) draw(figure).catch((problem) => console.error(problem));
}

function sort(table, column) {
  const head = table.tHead.querySelector(`[data-column="${column}"]`);
  const words = column === "head";
  const first = words || column === "rank" ? "ascending" : "descending";
  const other = first === "ascending" ? "descending" : "ascending";
  const way = head.getAttribute("aria-sort") === first ? other : first;
  for (const cell of table.tHead.querySelectorAll("[aria-sort]")) cell.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", way);
  const sign = way === "ascending" ? 1 : -1;
  const key = (row) => row.querySelector(`[data-column="${column}"]`).dataset.value;
  const rows = [...table.tBodies[0].rows].sort((one, two) => {
    const [a, b] = [key(one), key(two)];
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (words ? a.localeCompare(b, document.documentElement.lang) : Number(a) - Number(b));
  });
  table.tBodies[0].append(...rows);
}

document.addEventListener("click", (event) => {
  const head = event.target.closest("[data-sortable] thead [data-column]");
  if (head && event.target.closest("button")) sort(head.closest("table"), head.dataset.column);
});
document.addEventListener("duban:theme", drawAll);
document.addEventListener("htmx:afterSettle", drawAll);
addEventListener("resize", () => {
  for (const chart of drawn.values()) chart.resize();
});
drawAll();
