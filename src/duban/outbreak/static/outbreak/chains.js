// Chains of contacts as a graph, one column a generation, and the same contacts along time. The table holds them too.
const VENDOR = new URL("../vendor/echarts/echarts.esm.min.mjs", import.meta.url);
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const drawn = new Map();

const colours = () => [token("--due"), token("--ink"), token("--muted"), token("--rule-firm")];
const colourOf = (generation) => colours()[Math.min(generation, 3)];
const text = () => ({ fontFamily: token("--sans"), color: token("--ink") });
const tooltip = () => ({ backgroundColor: token("--sheet"), borderColor: token("--rule-firm"), textStyle: { color: token("--ink") } });

function graph({ nodes, edges, words }) {
  const columns = new Map();
  const data = nodes.map((node) => {
    const at = columns.get(node.generation) ?? 0;
    columns.set(node.generation, at + 1);
    return { ...node, at };
  });
  const nameOf = (node) => `${node.name} · ${node.generation ? `${words.generation} ${node.generation}` : words.case}`;
  return {
    animation: false,
    textStyle: text(),
    tooltip: { ...tooltip(), formatter: ({ data: one }) => (one.source ? `${one.place} · ${one.minutes} ${words.minutes}` : one.told) },
    series: [{
      type: "graph",
      layout: "none",
      roam: true,
      edgeSymbol: ["none", "arrow"],
      edgeSymbolSize: 7,
      label: { show: data.length <= 60, position: "right", color: token("--ink"), formatter: ({ data: one }) => one.short },
      lineStyle: { color: token("--rule-firm"), curveness: 0.08 },
      data: data.map((node) => ({
        id: node.id,
        name: node.id,
        short: node.name,
        told: nameOf(node),
        x: node.generation * 320,
        y: ((node.at + 0.5) / columns.get(node.generation)) * 400,
        symbol: node.generation ? "circle" : "diamond",
        symbolSize: node.generation ? 10 : 16,
        itemStyle: { color: colourOf(node.generation) },
      })),
      links: edges,
    }],
  };
}

function timeline({ nodes, edges, words }) {
  const generation = new Map(nodes.map((node) => [node.id, node.generation]));
  const rows = edges.slice(0, 60);
  return {
    animation: false,
    textStyle: text(),
    grid: { left: 90, right: 24, top: 12, bottom: 28 },
    tooltip: { ...tooltip(), formatter: ({ data }) => data.told },
    xAxis: { type: "time", axisLabel: { color: token("--muted") }, splitLine: { lineStyle: { color: token("--rule") } } },
    yAxis: { type: "category", inverse: true, data: rows.map((edge) => edge.target.slice(0, 8)), axisLabel: { color: token("--muted") }, axisTick: { show: false } },
    series: [{
      type: "custom",
      encode: { x: [0, 1], y: 2 },
      data: rows.map((edge, at) => ({ value: [edge.first, edge.last, at], colour: colourOf(generation.get(edge.target)), told: `${edge.place} · ${edge.minutes} ${words.minutes}` })),
      renderItem(_params, api) {
        const [x, y] = api.coord([api.value(0), api.value(2)]);
        const [end] = api.coord([api.value(1), api.value(2)]);
        const at = api.value(2);
        const shape = { x, y: y - 5, width: Math.max(end - x, 3), height: 10 };
        return { type: "rect", shape, style: { fill: colourOf(generation.get(rows[at].target)) } };
      },
    }],
  };
}

async function draw() {
  const figures = [...document.querySelectorAll("[data-chains], [data-timeline]")];
  if (!figures.length) return;
  const echarts = await import(VENDOR);
  for (const figure of figures) {
    const data = JSON.parse(document.getElementById(figure.dataset.chains || figure.dataset.timeline).textContent);
    drawn.get(figure)?.dispose();
    const chart = echarts.init(figure, null, { renderer: "svg" });
    chart.setOption(figure.dataset.chains ? graph(data) : timeline(data));
    drawn.set(figure, chart);
  }
}

draw();
document.addEventListener("duban:theme", draw);
document.addEventListener("htmx:afterSettle", draw);
addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
