"use strict";
// Draws the day: one ECharts instance per picture, all over the same axis of elapsed hours, all read at the same step.
(() => {
  const day = JSON.parse(document.getElementById("day").textContent);
  const edges = day.edges;
  const steps = edges.length - 1;
  const end = edges[steps];
  const wholeHorizon = "whole horizon";
  const darkScreen = matchMedia("screen and (prefers-color-scheme: dark)");
  const drawn = [];
  let printing = false;
  let selected = -1;

  const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
  const scheme = () => (darkScreen.matches && !printing ? 1 : 0);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const ink = () =>
    printing ? { text: "#5c6863", line: "#dfe4e0", zero: "#7d8883", card: "#ffffff", bad: "#b3261e" }
      : { text: css("--soft"), line: css("--line"), zero: css("--soft"), card: css("--card"), bad: css("--bad") };

  function format(value, decimals) {
    if (value === null || value === undefined) return "–";
    const [whole, rest] = Math.abs(value).toFixed(decimals).split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
    return (value < 0 && Number(value.toFixed(decimals)) !== 0 ? "−" : "") + grouped + (rest ? "." + rest : "");
  }

  function mix(from, to, share) {
    const part = (i) => {
      const [a, b] = [from, to].map((colour) => parseInt(colour.slice(i, i + 2), 16));
      return Math.round(a + (b - a) * share).toString(16).padStart(2, "0");
    };
    return "#" + part(1) + part(3) + part(5);
  }

  // ---- from values to points. A step is drawn as its two edges, so a missing step is a gap of exactly its length.

  function points(values, atEdges, sign) {
    const signed = (value) => (value === null ? null : sign * value);
    if (atEdges) return values.map((value, k) => [edges[k], signed(value)]);
    return values.flatMap((value, k) => [[edges[k], signed(value)], [edges[k + 1], signed(value)]]);
  }

  function ribbonColour(series, left, width) {
    const there = series.values.filter((value) => value !== null);
    const low = Math.min(...there);
    const span = Math.max(...there) - low || 1;
    const full = series.colour[scheme()];
    const stops = [];
    series.values.forEach((value, k) => {
      const colour = mix(ink().card, full, value === null ? 0 : 0.3 + (0.7 * (value - low)) / span);
      stops.push({ offset: edges[k] / end, color: colour }, { offset: edges[k + 1] / end, color: colour });
    });
    return { type: "linear", x: left, y: 0, x2: left + width, y2: 0, global: true, colorStops: stops };
  }

  function base(series, at) {
    return {
      type: "line", name: series.name, xAxisIndex: at, yAxisIndex: at, symbol: "none", silent: true, animation: false,
      data: points(series.values, series.atEdges, series.sign), z: 3,
    };
  }

  function areaLines(series, at) {
    if (series.flat) return [];
    const colour = series.colour[scheme()];
    const line = { color: ink().card, width: 0.6 };
    return [{ ...base(series, at), stack: series.stack + at, lineStyle: line, areaStyle: { color: colour, opacity: 1 } }];
  }

  function bandLines(series, at) {
    const colour = series.colour[scheme()];
    const none = { width: 0, opacity: 0 };
    const rise = series.values.map((low, k) => (low === null || series.upper[k] === null ? null : series.upper[k] - low));
    const shared = { stack: series.stack + at, stackStrategy: "all", lineStyle: none };
    return [
      { ...base(series, at), ...shared },
      { ...base({ ...series, values: rise }, at), ...shared, areaStyle: { color: colour, opacity: series.opacity } },
    ];
  }

  function ribbonLines(series, at, frame) {
    const area = { color: ribbonColour(series, frame.left, frame.width), opacity: 1, origin: "start" };
    return [{ ...base(series, at), lineStyle: { color: series.colour[scheme()], width: 1 }, areaStyle: area }];
  }

  function plainLines(series, at) {
    const colour = series.colour[scheme()];
    const lineStyle = { color: colour, width: 1.8, type: series.dashed ? [5, 3] : "solid", join: "round" };
    const areaStyle = series.opacity < 1 ? { color: colour, opacity: series.opacity, origin: "start" } : undefined;
    return [{ ...base(series, at), lineStyle, areaStyle, z: series.dashed ? 5 : 4 }];
  }

  function limitLines(panel, at, size) {
    if (!panel.limits.length) return [];
    const data = panel.limits.filter(([, value]) => value !== null).map(([name, value]) => ({
      yAxis: value,
      label: { formatter: name + " " + Number(value.toFixed(3)), position: "insideEndTop" },
    }));
    const label = { color: ink().bad, fontSize: 0.7 * size, textBorderColor: ink().card, textBorderWidth: 2 };
    const lineStyle = { color: ink().bad, type: [6, 4], width: 1.2 };
    const markLine = { silent: true, symbol: "none", animation: false, data, label, lineStyle };
    return [{ type: "line", xAxisIndex: at, yAxisIndex: at, data: [], markLine, z: 6 }];
  }

  function missingAreas(panel, at, size) {
    if (!panel.missing.length) return [];
    const label = { show: panel.height > 6, color: ink().text, fontSize: 0.7 * size, position: "insideTop" };
    const data = panel.missing.map(([from, to]) => [{ xAxis: from, name: "incomplete" }, { xAxis: to }]);
    const markArea = { silent: true, animation: false, data, label, itemStyle: { color: ink().line, opacity: 0.6 } };
    return [{ type: "line", xAxisIndex: at, yAxisIndex: at, data: [], markArea, z: 1 }];
  }

  // What holds in certain hours of the day, behind everything that is drawn; named where there is room.
  function markedSpans(panel, at, size) {
    if (!(day.spans || []).length) return [];
    const label = { show: panel.height > 12, color: ink().bad, fontSize: 0.7 * size, position: "insideTop", overflow: "break" };
    const data = day.spans.map(([name, from, to]) => [{ xAxis: from, name }, { xAxis: to }]);
    const markArea = { silent: true, animation: false, data, label, itemStyle: { color: ink().bad, opacity: 0.13 } };
    return [{ type: "line", xAxisIndex: at, yAxisIndex: at, data: [], markArea, z: 1 }];
  }

  // ---- one picture

  function chooseTicks(width, size) {
    const room = Math.max(2, Math.floor(width / (3.4 * size)));
    return day.ticks.find((set) => set.length <= room) || day.ticks[day.ticks.length - 1];
  }

  function xAxis(at, last, ticks, size) {
    const names = new Map(ticks.map(([x, label]) => [x, label]));
    const at0 = ticks.map(([x]) => x);
    return {
      type: "value", gridIndex: at, min: 0, max: end, axisPointer: { show: false },
      axisLine: { show: last, onZero: false, lineStyle: { color: ink().zero } },
      axisTick: { show: last, customValues: at0, lineStyle: { color: ink().zero } },
      axisLabel: {
        show: last, customValues: at0, color: ink().text, fontSize: 0.74 * size, hideOverlap: true,
        formatter: (x) => names.get(x) ?? "",
      },
      splitLine: { show: false },
    };
  }

  function yAxis(panel, at, size) {
    const thin = panel.height < 4;
    return {
      type: "value", gridIndex: at, min: panel.low ?? undefined, max: panel.high ?? undefined, axisPointer: { show: false },
      splitNumber: thin ? 1 : panel.height < 8 ? 2 : 4, axisLine: { show: false }, axisTick: { show: false },
      splitLine: { show: !thin, showMaxLine: panel.high === null, showMinLine: !panel.low, lineStyle: { color: ink().line } },
      axisLabel: {
        customValues: thin ? [panel.low, panel.high] : undefined,
        color: ink().text, fontSize: 0.74 * size, showMinLabel: thin || !panel.low, showMaxLabel: thin || panel.high === null,
        formatter: (value) => format(Math.abs(value) * Math.sign(panel.signed ? 1 : value || 1), tickDecimals(panel, value)),
      },
    };
  }

  function tickDecimals(panel, value) {
    if (panel.axisDecimals !== null) return panel.axisDecimals;
    for (let decimals = 0; decimals < panel.decimals; decimals += 1) {
      if (Math.abs(value - Number(value.toFixed(decimals))) < 1e-9) return decimals;
    }
    return panel.decimals;
  }

  function frames(chart, width, size) {
    const left = 3.7 * size;
    let top = 0;
    return chart.panels.map((panel) => {
      top += 2 * size;
      const frame = { left, top, width: width - left - 1.3 * size, height: panel.height * size, outerBoundsMode: "none" };
      top += frame.height;
      return frame;
    });
  }

  function option(chart, width) {
    const size = rem();
    const places = frames(chart, width, size);
    const ticks = chooseTicks(places[0].width, size);
    const draw = { area: areaLines, band: bandLines, ribbon: ribbonLines, line: plainLines };
    const series = chart.panels.flatMap((panel, at) => [
      ...panel.series.flatMap((one) => draw[one.draw](one, at, places[at])),
      ...limitLines(panel, at, size), ...missingAreas(panel, at, size), ...markedSpans(panel, at, size),
    ]);
    const title = chart.panels.map((panel, at) => ({
      text: panel.title + " [" + panel.unit + "]", left: 0, top: places[at].top - 1.4 * size, padding: 0,
      textStyle: { color: ink().text, fontSize: 0.76 * size, fontWeight: "normal", fontFamily: "system-ui, sans-serif" },
    }));
    return {
      animation: false, textStyle: { fontFamily: "system-ui, sans-serif" }, title, grid: places, series,
      xAxis: chart.panels.map((_, at) => xAxis(at, at === chart.panels.length - 1, ticks, size)),
      yAxis: chart.panels.map((panel, at) => yAxis({ ...panel, signed: panel.series.some((one) => one.sign < 0) }, at, size)),
    };
  }

  function render(picture, width = picture.plot.clientWidth) {
    const height = picture.plot.clientHeight;
    if (!width || !height) return;
    picture.instance.resize({ width, height });
    picture.instance.setOption(option(picture.chart, width), { notMerge: true });
    placeCursor(picture);
  }

  // ---- reading one step in all pictures at once

  function placeCursor(picture) {
    picture.cursor.hidden = selected < 0;
    if (selected < 0) return;
    const middle = (edges[selected] + edges[selected + 1]) / 2;
    picture.cursor.style.left = picture.instance.convertToPixel({ xAxisIndex: 0 }, middle) + "px";
  }

  function reading(panel, series) {
    const text = (value) => format(value, panel.decimals);
    if (series.atEdges) return text(series.values[selected]) + " → " + text(series.values[selected + 1]) + " " + panel.unit;
    if (series.upper) return text(series.values[selected]) + " … " + text(series.upper[selected]);
    return text(series.values[selected]) + " " + panel.unit;
  }

  function describe(picture) {
    const when = selected < 0 ? wholeHorizon : day.labels[selected];
    picture.when.textContent = when;
    picture.figure.classList.toggle("reading-on", selected >= 0);
    const said = picture.items.map((item) => {
      item.reading.textContent = selected < 0 ? item.summary : reading(item.panel, item.series);
      return item.series.name + " " + item.reading.textContent;
    });
    picture.plot.setAttribute("aria-valuenow", String(selected + 1));
    picture.plot.setAttribute("aria-valuetext", selected < 0 ? when : when + ": " + said.join(", "));
  }

  function select(step) {
    if (step === selected) return;
    selected = step;
    drawn.forEach((picture) => {
      describe(picture);
      placeCursor(picture);
    });
  }

  function stepAt(picture, clientX) {
    const x = clientX - picture.plot.getBoundingClientRect().left;
    const hours = picture.instance.convertFromPixel({ xAxisIndex: 0 }, x);
    if (hours < -0.02 * end || hours > 1.02 * end) return -1;
    const next = edges.findIndex((edge) => edge > hours);
    return next < 0 ? steps - 1 : Math.max(0, next - 1);
  }

  function onKey(event) {
    const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 8, PageDown: -8, Home: -steps, End: steps };
    if (event.key === "Escape") select(-1);
    if (!(event.key in moves)) return;
    event.preventDefault();
    select(Math.min(steps - 1, Math.max(0, selected + moves[event.key])));
  }

  function start(plot) {
    const chart = day.charts.find((one) => one.id === plot.dataset.chart);
    const figure = plot.closest("figure");
    const holder = plot.appendChild(document.createElement("div"));
    holder.setAttribute("aria-hidden", "true");
    const cursor = plot.appendChild(document.createElement("div"));
    cursor.className = "cursor";
    const items = [...figure.querySelectorAll("li[data-series]")].map((node) => {
      const panel = chart.panels[Number(node.dataset.panel)];
      const value = node.querySelector(".reading");
      return { panel, series: panel.series[Number(node.dataset.series)], reading: value, summary: value.textContent };
    });
    const size = { width: plot.clientWidth || 300, height: plot.clientHeight || 100 };
    const instance = echarts.init(holder, null, { renderer: "svg", ...size });
    const picture = { chart, plot, figure, cursor, items, instance, when: figure.querySelector(".when") };
    plot.addEventListener("pointermove", (event) => select(stepAt(picture, event.clientX)));
    plot.addEventListener("pointerdown", (event) => select(stepAt(picture, event.clientX)));
    plot.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && select(-1));
    plot.addEventListener("keydown", onKey);
    drawn.push(picture);
    render(picture);
  }

  // ---- set-points as a file

  function csvText() {
    const quote = (text) => '"' + String(text).replace(/"/g, '""') + '"';
    // A spreadsheet would run a name that starts like a formula.
    const safe = (text) => quote(/^[=+\-@\t\r]/.test(text) ? "'" + text : text);
    const rows = [["step_start", "step_h", ...day.csv.columns.map((column) => safe(column.name))].join(",")];
    day.csv.start.forEach((start, k) => {
      const cells = day.csv.columns.map((column) => (column.values[k] === null ? "" : String(column.values[k])));
      rows.push([start, day.csv.hours[k], ...cells].join(","));
    });
    return "\ufeff" + rows.join("\r\n") + "\r\n";
  }

  function download() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csvText()], { type: "text/csv;charset=utf-8" }));
    link.download = day.csv.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function print(on) {
    printing = on;
    drawn.forEach((picture) => {
      // The style sheet sets A4 with 11 px letters; a picture laid out in that proportion fills its place on paper.
      const onPaper = picture.figure.parentElement.classList.contains("tiles") ? 319 : 676;
      render(picture, on ? (onPaper * rem()) / 11 : undefined);
    });
  }

  document.querySelectorAll(".plot").forEach(start);
  const all = () => drawn.forEach((picture) => render(picture));
  let waiting = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(all);
  });
  darkScreen.addEventListener("change", all);
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  const button = document.getElementById("csv");
  if (button) {
    button.disabled = false;
    button.addEventListener("click", download);
  }
})();
