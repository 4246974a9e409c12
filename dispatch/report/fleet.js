"use strict";
// The table of sites: a page of rows at a time from columns of numbers, a search, an order, and one site on its own.
(() => {
  const day = JSON.parse(document.getElementById("day").textContent);
  const sites = day.sites;
  const count = sites.name.length;
  const pageSize = 20;
  const node = (id) => document.getElementById(id);
  const table = node("site-rows");
  const levels = sites.profile ? Uint8Array.from(atob(sites.profile.bytes), (c) => c.charCodeAt(0)) : null;
  const word = (column, k) => column.known[column.code[k]];
  const haystack = sites.name.map((name, k) =>
    [name, ...sites.words.map((column) => word(column, k))].join("\n").toLowerCase());
  let found = sites.name.map((_, k) => k);
  let page = 0;
  let order = { column: 0, down: true };
  let chosen = -1;

  function format(value, decimals) {
    if (value === null || value === undefined) return "–";
    const [whole, rest] = Math.abs(value).toFixed(decimals).split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
    return (value < 0 && Number(value.toFixed(decimals)) !== 0 ? "−" : "") + grouped + (rest ? "." + rest : "");
  }

  // One list of columns for head, rows and order: the name, numbers, words.
  const columns = [
    { head: "Site", of: (k) => sites.name[k], text: (k) => sites.name[k], words: true },
    ...sites.columns.map((column) => ({
      head: column.name + (column.unit ? " [" + column.unit + "]" : ""), of: (k) => column.values[k],
      text: (k) => format(column.values[k], column.decimals), words: false,
    })),
    ...sites.words.map((column) => ({ head: column.name, of: (k) => word(column, k), text: (k) => word(column, k), words: true })),
  ];

  function compare(a, b) {
    const column = columns[order.column];
    const [x, y] = [column.of(a), column.of(b)];
    const missing = (value) => value === null || value === "";
    if (missing(x) || missing(y)) return missing(x) - missing(y) || a - b; // what is missing stands last, up or down
    const way = column.words ? String(x).localeCompare(String(y), "en", { numeric: true }) : x - y;
    return (order.down ? -way : way) || a - b;
  }

  function make(name, text, attributes = {}) {
    const made = document.createElement(name);
    made.textContent = text;
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
  }

  function drawHead() {
    const row = document.createElement("tr");
    columns.forEach((column, at) => {
      const cell = make("th", "", { scope: "col" });
      if (column.words) cell.className = "text";
      const button = cell.appendChild(make("button", column.head, { type: "button" }));
      if (at === order.column) cell.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      button.addEventListener("click", () => {
        order = { column: at, down: at === order.column ? !order.down : !column.words };
        found.sort(compare);
        page = 0;
        draw();
      });
      row.append(cell);
    });
    table.tHead.replaceChildren(row);
  }

  function drawRows() {
    const rows = found.slice(page * pageSize, (page + 1) * pageSize).map((k) => {
      const row = document.createElement("tr");
      if (k === chosen) row.setAttribute("aria-selected", "true");
      columns.forEach((column, at) => {
        const cell = make(at ? "td" : "th", at ? column.text(k) || "–" : "", at ? {} : { scope: "row" });
        if (column.words && at) cell.className = "text long";
        if (!at) cell.append(make("button", column.text(k), { type: "button", "data-site": k }));
        row.append(cell);
      });
      return row;
    });
    table.tBodies[0].replaceChildren(...rows);
  }

  function draw() {
    drawHead();
    drawRows();
    const last = Math.min(found.length, (page + 1) * pageSize);
    const span = found.length ? format(page * pageSize + 1, 0) + "–" + format(last, 0) + " of " : "";
    node("shown").textContent = span + format(found.length, 0) + (found.length < count ? " found, " + format(count, 0) + " in all" : " sites");
    node("before").disabled = page === 0;
    node("after").disabled = last === found.length;
  }

  // ---- one site

  function picture(k) {
    const steps = sites.profile.steps;
    const end = day.edges[steps];
    const [low, high] = [sites.profile.low[k], sites.profile.high[k]];
    const top = Math.max(high, 0);
    const bottom = Math.min(low, 0);
    const y = (value) => (top > bottom ? (100 * (top - value)) / (top - bottom) : 50).toFixed(2);
    let path = "";
    let pen = "M";
    for (let t = 0; t < steps; t += 1) {
      const level = levels[k * steps + t];
      if (level === 255) {
        pen = "M";
        continue;
      }
      const at = y(low + ((high - low) * level) / sites.profile.levels);
      const x = [day.edges[t], day.edges[t + 1]].map((edge) => ((1000 * edge) / end).toFixed(2));
      path += pen + x[0] + " " + at + "L" + x[1] + " " + at;
      pen = "L";
    }
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "0 0 1000 100");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", "Net import from " + format(low, 1) + " to " + format(high, 1) + " kW");
    const zero = svg.appendChild(document.createElementNS(space, "line"));
    [["x1", 0], ["x2", 1000], ["y1", y(0)], ["y2", y(0)]].forEach(([key, value]) => zero.setAttribute(key, value));
    svg.appendChild(document.createElementNS(space, "path")).setAttribute("d", path);
    return svg;
  }

  function fact(name, text, whole) {
    const row = document.createElement("div");
    if (whole) row.className = "whole";
    row.append(make("dt", name), make("dd", text));
    return row;
  }

  function show(k) {
    chosen = k;
    const card = node("one");
    const list = document.createElement("dl");
    columns.slice(1).forEach((column) => list.append(fact(column.head, column.text(k) || "–", column.head === "Reason")));
    card.replaceChildren(make("h3", sites.name[k]), list);
    if (levels) {
      const ends = [sites.profile.low[k], sites.profile.high[k]].map((value) => format(value, 1)).join(" … ");
      card.append(picture(k), make("small", "Net import, " + ends + " kW; the dashed line is zero, below it the site exports."));
    }
    card.hidden = false;
    drawRows();
  }

  // ---- what the reader does

  function search() {
    const parts = node("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    found = sites.name.map((_, k) => k).filter((k) => parts.every((part) => haystack[k].includes(part)));
    found.sort(compare);
    page = 0;
    draw();
    if (found.length === 1) show(found[0]);
  }

  function csvText() {
    const quote = (text) => '"' + String(text).replace(/"/g, '""') + '"';
    // A spreadsheet would run a name that starts like a formula.
    const safe = (text) => quote(/^[=+\-@\t\r]/.test(text) ? "'" + text : text);
    const cell = (column, k) => (column.words ? safe(column.of(k)) : column.of(k) === null ? "" : String(column.of(k)));
    const rows = [columns.map((column) => safe(column.head)).join(",")];
    found.forEach((k) => rows.push(columns.map((column) => cell(column, k)).join(",")));
    return "\ufeff" + rows.join("\r\n") + "\r\n";
  }

  node("sites-csv").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csvText()], { type: "text/csv;charset=utf-8" }));
    link.download = sites.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
  node("sites-csv").disabled = false;
  let waiting = 0;
  node("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 80);
  });
  const turn = (by) => () => {
    page += by;
    draw();
  };
  node("before").addEventListener("click", turn(-1));
  node("after").addEventListener("click", turn(1));
  table.tBodies[0].addEventListener("click", (event) => {
    const button = event.target.closest("button[data-site]");
    if (!button) return;
    show(Number(button.dataset.site));
    node("one").scrollIntoView({ block: "nearest" });
  });
  order = { column: 1, down: true };
  found.sort(compare);
  draw();
})();
