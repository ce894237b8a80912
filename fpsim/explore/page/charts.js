// The pictures by plotly.js: landscape, survival, noise or committor; colours are those of the page.
"use strict";
// plotly.js is large: the page asks for its numbers while it loads.
Explore.plotly = new Promise((ready, lost) => {
  if (window.Plotly) { ready(); return; }
  const script = document.getElementById("plotly");
  script.addEventListener("load", ready);
  script.addEventListener("error", () => lost(new Error("plotly.js did not load; reload the page.")));
});
Explore.charts = (nodes) => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
  const colours = () => ({ free: css("--accent"), met: css("--met"), density: css("--density"), ink: css("--ink"),
    soft: css("--soft"), line: css("--line"), curve: css("--curve"), paper: css("--paper"),
    densityRgb: rgb(css("--density")) });
  const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false };
  const DASHES = ["dash", "dot", "dashdot", "longdash"];
  const titles = (text) => ({ text, standoff: 6, font: { size: 13 } });

  function layout(x, y, more = {}) {
    const c = colours();
    const axis = (title) => ({ title: titles(title), gridcolor: c.line, linecolor: c.soft, zeroline: false,
      tickfont: { size: 12 }, fixedrange: true, automargin: true });
    return { margin: { l: 58, r: 14, t: 10, b: 44 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: c.ink, family: "system-ui, DejaVu Sans, sans-serif" }, showlegend: false, hovermode: "closest",
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 12 } },
      ...more, xaxis: { ...axis(x), ...more.xaxis }, yaxis: { ...axis(y), ...more.yaxis } };
  }

  // Losses worth seeing: from the deepest minimum to twice the way up to the highest saddle.
  function span(picture, height) {
    const known = picture.critical.map((point) => point.loss).filter((loss) => loss !== null);
    let low = Infinity, high = -Infinity;
    for (const v of height) { if (v < low) low = v; if (v > high) high = v; }
    const saddles = picture.critical.filter((p) => p.kind === "saddle" && p.loss !== null).map((p) => p.loss);
    if (!known.length || !saddles.length) return [low, high];
    const floor = Math.min(low, ...known), top = Math.max(...saddles);
    return [floor, Math.min(high, floor + 2.2 * Math.max(top - floor, 1e-12))];
  }

  const KINDS = { minimum: ["circle", "minimum"], saddle: ["x", "saddle"], maximum: ["triangle-up", "maximum"] };
  function points(picture, flat) {
    const c = colours();
    return picture.critical.filter((p) => flat || p.loss !== null).map((p) => {
      const [symbol, word] = KINDS[p.kind] ?? ["diamond-open", p.kind];
      return { x: [p.x[0]], y: [flat ? p.x[1] : p.loss], mode: "markers", type: "scatter", name: word,
        marker: { symbol, size: 9, color: c.paper, line: { color: c.ink, width: 2 } },
        hovertemplate: `${p.kind}<br>(%{x:.5g}, %{y:.5g})<extra></extra>` };
    });
  }

  function line(picture) {
    const c = colours(), x = Array.from(Explore.unpack(picture.surface.axes[0]));
    const height = Array.from(Explore.unpack(picture.surface.height)), [low, high] = span(picture, height);
    const room = high - low || 1, edge = picture.target.offset / picture.target.normal[0];
    const side = picture.target.normal[0] > 0 ? x[x.length - 1] : x[0];
    return [[{ x, y: height, mode: "lines", line: { color: c.curve, width: 2, simplify: false }, hoverinfo: "x+y" }, ...points(picture, false)],
      layout(picture.variables[0], picture.surface.height_name, {
        yaxis: { range: [low - 0.5 * room, high + 0.05 * room] }, xaxis: { range: [x[0], x[x.length - 1]] },
        shapes: [{ type: "rect", x0: edge, x1: side, y0: 0, y1: 1, yref: "paper", fillcolor: c.met, opacity: 0.08, line: { width: 0 } },
          { type: "line", x0: edge, x1: edge, y0: 0, y1: 1, yref: "paper", line: { color: c.met, width: 1.5, dash: "dot" } },
          { type: "line", x0: picture.start[0], x1: picture.start[0], y0: 0, y1: 1, yref: "paper", line: { color: c.free, width: 1.5, dash: "dot" } }],
        annotations: [["start", picture.start[0], c.free], ["target", edge, c.met]].map(([text, at, color]) => ({
          text, x: at, y: 1, yref: "paper", showarrow: false, xanchor: "left", yanchor: "top", font: { color, size: 12 } })),
      })];
  }

  function rows(flat, nx, ny) {  // plotly wants z[y][x]
    return Array.from({ length: ny }, (_, j) => Array.from({ length: nx }, (_, i) => flat[i * ny + j]));
  }

  function aims(picture) {
    const c = colours(), target = picture.target, dot = { type: "circle", line: { color: c.met, width: 2 } };
    if (target.kind === "ball") {
      const [x, y] = target.center, r = target.radius;
      return [{ ...dot, x0: x - r, x1: x + r, y0: y - r, y1: y + r, fillcolor: c.met, opacity: 0.6 }];
    }
    const [nx, ny] = target.normal, at = [nx * target.offset, ny * target.offset];
    return [{ type: "line", line: { color: c.met, width: 2, dash: "dot" }, x0: at[0] - 100 * ny, y0: at[1] + 100 * nx, x1: at[0] + 100 * ny, y1: at[1] - 100 * nx }];
  }

  function plane(picture) {
    const c = colours(), [x, y] = picture.surface.axes.map((axis) => Array.from(Explore.unpack(axis)));
    const height = Explore.unpack(picture.surface.height), [low, high] = span(picture, height);
    const scale = [[0, c.paper], [1, c.soft]];
    return [[{ type: "contour", x, y, z: rows(height, x.length, y.length), zmin: low, zmax: high, colorscale: scale,
      contours: { start: low, end: high, size: (high - low) / 14 || 1, coloring: "fill", showlines: true }, line: { width: 0.7, color: c.soft },
      showscale: false, hovertemplate: `%{x:.4g}, %{y:.4g}: %{z:.5g}<extra></extra>` },
      { x: [picture.start[0]], y: [picture.start[1]], mode: "markers", marker: { size: 12, symbol: "star", color: c.free }, hovertemplate: "start<extra></extra>" },
      ...points(picture, true)],
    layout(picture.variables[0], picture.variables[1], { shapes: aims(picture),
      xaxis: { range: [x[0], x[x.length - 1]] }, yaxis: { range: [y[0], y[y.length - 1]] } })];
  }

  function survival(picture, exits, fields) {
    const c = colours(), traces = [], exact = picture.survival ?? fields?.survival;
    let end = picture.clock.survival ?? exits?.horizon ?? 1, lowest = 0.02;
    if (fields?.mean) end = 3 * fields.mean;
    if (exits) {
      const t = Array.from(Explore.unpack(exits.times)), p = Array.from(Explore.unpack(exits.values));
      const bottom = 1e-4;
      traces.push({ x: [...t, ...t.slice().reverse()], y: [...p.map((v) => Math.min(v + exits.half, 1)),
        ...p.slice().reverse().map((v) => Math.max(v - exits.half, bottom))], fill: "toself", mode: "none", fillcolor: c.free, opacity: 0.22,
        name: "95 % band", hoverinfo: "skip" });
      traces.push({ x: t, y: p.map((v) => v || null), mode: "lines", line: { color: c.free, width: 2, shape: "hv" }, name: `${exits.paths} paths`,
        hovertemplate: "%{x:.4g}: %{y:.3f}<extra></extra>" });
    }
    if (exact) {
      const y = Array.from(Explore.unpack(exact.values));
      traces.push({ x: Array.from(Explore.unpack(exact.times)), y, mode: "lines", line: { color: c.ink, width: 2 },
        name: "grid", hovertemplate: "%{x:.4g}: %{y:.4f}<extra></extra>" });
    }
    const formulas = picture.table.rows.filter((row) => row.process === "formula" && row.mean !== null);
    formulas.slice(0, 4).forEach((row, k) => {
      const x = Array.from({ length: 40 }, (_, i) => end * i / 39);
      traces.push({ x, y: x.map((t) => Math.exp(-t / row.mean)).map((v) => v > 1e-5 ? v : null), mode: "lines", name: row.method,
        line: { color: c.met, width: 1.5, dash: DASHES[k] }, hovertemplate: `exp(-t/${row.mean.toPrecision(4)})<extra>${row.method}</extra>` });
    });
    return [traces, layout("time (learning rate × iterations)", "share not yet in the target", { showlegend: true,
      xaxis: { range: [0, end] }, yaxis: { type: "log", range: [Math.log10(lowest), 0.05], dtick: 1 } })];
  }

  function noise(picture) {
    const c = colours(), x = Array.from(Explore.unpack(picture.surface.axes[0]));
    const y = Array.from(Explore.unpack(picture.surface.noise)), top = Math.max(...y);
    const shown = [picture.start[0], picture.target.offset * picture.target.normal[0]];
    const inside = y.filter((_, k) => x[k] >= Math.min(...shown) - 0.3 && x[k] <= Math.max(...shown) + 0.3);
    const high = Math.min(top, 1.6 * Math.max(...inside));
    return [[{ x, y, mode: "lines", line: { color: c.free, width: 2, simplify: false }, fill: "tozeroy", fillcolor: `rgba(${rgb(c.free).join(",")},0.15)`, hovertemplate: "%{x:.4g}: %{y:.4g}<extra></extra>" }],
      layout(picture.variables[0], picture.surface.noise_name, { yaxis: { range: [0, 1.08 * high || 1] }, xaxis: { range: [x[0], x[x.length - 1]] } })];
  }

  function committor(picture, fields) {
    const c = colours(), part = fields.committor, [x, y] = part.axes.map((axis) => Array.from(Explore.unpack(axis)));
    const [sx, sy] = picture.surface.axes.map((axis) => Explore.unpack(axis));
    return [[{ type: "contour", x, y, z: rows(Explore.unpack(part.values), x.length, y.length), zmin: 0, zmax: 1,
      colorscale: [[0, c.free], [0.5, c.paper], [1, c.met]], contours: { start: 0, end: 1, size: 0.1 }, line: { width: 0.5, color: c.soft },
      colorbar: { thickness: 10, outlinewidth: 0, tickfont: { size: 11 } }, hovertemplate: "%{x:.3g}, %{y:.3g}: %{z:.3f}<extra></extra>" }, ...points(picture, true)],
    layout(picture.variables[0], picture.variables[1], { shapes: aims(picture),
      xaxis: { range: [sx[0], sx[sx.length - 1]] }, yaxis: { range: [sy[0], sy[sy.length - 1]] } })];
  }

  const draw = (node, [traces, plan]) => Plotly.react(node, traces, plan, CONFIG);
  const empty = (node, text) => draw(node, [[], layout("", "", { xaxis: { visible: false }, yaxis: { visible: false },
    annotations: [{ text, showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5, font: { color: colours().soft } }] })]);

  // Pixels of the landscape's axes, for the canvas that lies over it.
  const axes = () => nodes.landscape._fullLayout;
  const project = {
    x: (v) => axes().xaxis._offset + axes().xaxis.l2p(v),
    y: (v) => axes().yaxis._offset + axes().yaxis.l2p(v),
    box: () => axes()?.xaxis && { left: axes().xaxis._offset, right: axes().xaxis._offset + axes().xaxis._length,
      top: axes().yaxis._offset, bottom: axes().yaxis._offset + axes().yaxis._length },
  };

  // A picture as a file; `now` is what the film shows, which plotly does not know.
  async function save(node, name, format, now) {
    const c = colours(), extra = [];
    if (now?.density) {
      const [low, high] = node.layout.yaxis.range, scale = 0.42 * (high - low) / now.density.top;
      extra.push({ x: now.density.x, y: now.density.y.map((v) => low + scale * v), mode: "lines", line: { color: c.density, simplify: false } });
    }
    if (now?.x.length) extra.push({ x: now.x, y: now.y, mode: "markers", marker: { color: now.met.map((met) => met ? c.met : c.free), size: 6, opacity: 0.75 } });
    const picture = { data: [...node.data, ...extra], layout: { ...node.layout, paper_bgcolor: c.paper, plot_bgcolor: c.paper } };
    const url = await Plotly.toImage(picture, { format, width: 900, height: 560, scale: format === "png" ? 2 : 1 });
    const link = document.createElement("a");
    link.href = url;
    link.download = `fpsim-${name}.${format}`;
    link.click();
  }

  return {
    project, colours, save,
    landscape: (picture) => draw(nodes.landscape, (picture.dimension > 1 ? plane : line)(picture)),
    survival: (picture, exits, fields) => draw(nodes.survival, survival(picture, exits, fields)),
    third: (picture, fields) => {
      if (picture.dimension === 1) return picture.surface.noise ? draw(nodes.third, noise(picture)) : empty(nodes.third, "jumps have no D(x)");
      if (fields?.committor?.values) return draw(nodes.third, committor(picture, fields));
      return empty(nodes.third, fields?.committor?.refused ? "no committor here" : "computed in the background ...");
    },
  };
};
