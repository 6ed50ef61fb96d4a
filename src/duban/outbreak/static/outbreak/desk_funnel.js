// The funnel as bars, drawn from the numbers that the page brings; the table beneath says the same.

const VENDOR = new URL("../vendor/echarts/echarts.esm.min.mjs", import.meta.url);
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let chart = null;

async function draw() {
  const place = document.querySelector("[data-funnel]");
  const told = document.getElementById("funnel-numbers");
  if (!place || !told) return;
  const { names, numbers, hours, words } = JSON.parse(told.textContent);
  const library = await import(VENDOR);
  if (chart && chart.getDom() !== place) {
    chart.dispose();
    chart = null;
  }
  chart ??= library.init(place, null, { renderer: "canvas" });
  const label = ({ dataIndex: at, value }) => {
    const time = hours[at] === null ? "" : ` · ${hours[at]} ${words.hours}`;
    return `${Number(value).toLocaleString(document.documentElement.lang)}${time}`;
  };
  chart.setOption(
    {
      animation: false,
      textStyle: { fontFamily: token("--sans"), color: token("--ink") },
      grid: { left: 4, right: 110, top: 4, bottom: 4, containLabel: true },
      xAxis: { type: "value", min: 0, minInterval: 1, show: false },
      yAxis: {
        type: "category",
        inverse: true,
        data: names,
        axisLine: { lineStyle: { color: token("--rule-firm") } },
        axisTick: { show: false },
        axisLabel: { color: token("--ink"), interval: 0 },
      },
      series: [
        {
          type: "bar",
          barMaxWidth: 28,
          data: numbers,
          itemStyle: { color: token("--ink") },
          label: { show: true, position: "right", color: token("--ink"), formatter: label },
        },
      ],
    },
    true,
  );
}

document.addEventListener("duban:theme", draw);
document.addEventListener("htmx:afterSettle", draw);
addEventListener("resize", () => chart?.resize());
draw();
