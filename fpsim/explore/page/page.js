// The page: settings in the address, pictures for them, heavy work in the background.
"use strict";
Explore.page = async () => {
  const $ = (id) => document.getElementById(id), source = Explore.source;
  const choices = await source.choices();
  const charts = Explore.charts({ landscape: $("landscape"), survival: $("survival"), third: $("third") });
  const film = Explore.film($("film"), charts.project, charts.colours);
  const HEAVY = { exits: "paths for the survival curve", fields: "density, committor and mean time on a grid", compare: "all routes" };
  let picture = null, found = {}, asking = null, working = {}, timers = {}, preset = null, asked = -Infinity;

  const made = (name, text = "", attributes = {}) => {
    const node = document.createElement(name);
    node.textContent = text;
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const digits = (value, count = 6) => value === null || value === undefined ? "–" : Math.abs(value) < 1e-14 ? "0"
    : Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(count - 2).replace("e+", "e") : String(Number(value.toPrecision(count)));
  const time = (row) => row.mean !== null ? digits(row.mean) : `e^${row.log_mean.toFixed(2)}`;

  const form = Explore.controls($("controls"), choices, (settings, one = null) => { mark(one); ask(settings); });

  // --- the address ---
  function readAddress() {
    const pairs = source.live ? Object.fromEntries(new URLSearchParams(location.search)) : {};
    delete pairs.token;
    const named = choices.presets.find((one) => one.key === location.hash.slice(1));
    if (Object.keys(pairs).length) { form.put(pairs); mark(named ?? null); ask(pairs, true); }
    else usePreset(named ?? choices.presets[0], true);
  }

  function writeAddress(settings) {
    const text = new URLSearchParams(settings).toString();
    if (source.live) history.replaceState(null, "", `${location.pathname}?${text}${preset ? `#${preset.key}` : ""}`);
  }

  // --- the story ---
  function mark(one) {
    preset = one;
    $("story").hidden = !one;
    $("story").replaceChildren(made("p", one?.text ?? ""));
    for (const button of $("presets").querySelectorAll("button")) {
      if (button.dataset.key === one?.key) button.setAttribute("aria-current", "step"); else button.removeAttribute("aria-current");
    }
  }

  function usePreset(one, first = false) {
    form.put(one.settings);
    mark(one);
    ask(one.settings, first);
  }

  // --- asking ---
  function ask(settings, now = false) {
    writeAddress(settings);
    document.body.classList.add("stale");
    asking?.abort();
    for (const kind of Object.keys(working)) cancel(kind);
    for (const timer of Object.values(timers)) clearTimeout(timer);
    asking = new AbortController();
    const { signal } = asking;
    timers.picture = setTimeout(async () => {
      try {
        const [came] = await Promise.all([source.picture(settings, signal), Explore.plotly]);
        if (signal.aborted) return;
        picture = came;
        found = {};
        refuse("");
        show();
        document.body.classList.remove("stale");
        document.body.dataset.shown = String(Number(document.body.dataset.shown ?? 0) + 1);
        roll(settings, signal);
        if (source.live) timers.heavy = setTimeout(() => heavy(settings), 400);
        else showStored(source.found(settings));
      } catch (error) {
        if (error.name !== "AbortError") refuse(error.message);
      }
    }, !now && performance.now() - asked < 200 ? 40 : 0);  // a slider on its way asks again soon
    asked = performance.now();
  }

  function showStored(entry) {
    for (const kind of ["fields", "exits"]) {
      if (!entry[kind]) continue;
      found[kind] = entry[kind];
      jobNode(kind).replaceChildren(made("span", said(kind, entry[kind])));
      showFound(kind, entry[kind]);
    }
  }

  function refuse(text) {
    $("error").hidden = !text;
    $("error").textContent = text;
  }

  async function roll(settings, signal) {
    const particles = Number(settings.particles ?? choices.particles.default);
    film.load(picture, particles);
    film.restart();
    await new Promise((next) => setTimeout(next, 120));
    if (signal.aborted) return;
    try { await source.movie(settings, (piece) => { if (!signal.aborted) film.add(piece); }, signal); }
    catch (error) { if (error.name !== "AbortError") $("film-time").textContent = `No film: ${error.message}`; }
  }

  function heavy(settings) {
    if (picture.dimension === 2) run("fields", settings).then(() => { if (found.fields) run("exits", settings); });
    else run("exits", settings);
  }

  // --- work in the background ---
  function jobNode(kind) { return document.querySelector(`[data-job="${kind}"]`); }

  function cancel(kind) {
    working[kind]?.abort();
    delete working[kind];
    jobNode(kind).replaceChildren();
    if (kind === "compare") offerCompare();
  }

  async function run(kind, settings) {
    const control = new AbortController(), node = jobNode(kind);
    working[kind] = control;
    const bar = made("progress", "", { max: "1", value: "0", "aria-label": HEAVY[kind] }), words = made("span", HEAVY[kind]);
    const stop = made("button", "Cancel", { type: "button", "aria-label": `Cancel: ${HEAVY[kind]}` });
    stop.addEventListener("click", () => { cancel(kind); node.append(kind === "compare" ? "" : made("span", "cancelled"), again(kind, settings)); });
    node.replaceChildren(bar, words, stop);
    try {
      const result = await source.job(kind, settings, (share, stage) => { bar.value = share; words.textContent = `${HEAVY[kind]}: ${stage}`; }, control.signal);
      if (control.signal.aborted || result === null) return;
      found[kind] = result;
      node.replaceChildren(made("span", said(kind, result)));
      showFound(kind, result);
    } catch (error) {
      if (error.name === "AbortError" || control.signal.aborted) return;
      node.replaceChildren(made("span", error.message), again(kind, settings));
    } finally {
      if (working[kind] === control) delete working[kind];
    }
  }

  function again(kind, settings) {
    if (kind === "compare") return "";
    const button = made("button", "Start again", { type: "button" });
    button.addEventListener("click", () => run(kind, settings));
    return button;
  }

  function said(kind, result) {
    if (kind === "exits") return `${result.paths} paths` + (result.out < result.paths ? `, ${result.paths - result.out} stopped before they met the target` : "")
      + `: mean ${digits(result.mean, 4)} ± ${digits(result.standard_error, 2)} (sample) ± ${digits(result.systematic_error, 2)} (step ${digits(result.step, 2)})`;
    if (kind === "fields") return `Mean time on a grid of ${result.cells.join(" × ")} cells: ${digits(result.mean, 4)}`
      + (result.error ? ` ± ${digits(result.error, 2)}` : "") + (result.committor.refused ? `; no committor: ${result.committor.refused}` : "");
    return "";
  }

  function showFound(kind, result) {
    if (kind === "compare") { showTable(result.table); headline(result.table); offerCompare("Run all routes again"); return; }
    if (kind === "fields") {
      film.density(result.density);
      charts.third(picture, result);
      say(digits(result.mean, 4), ` on a grid of ${result.cells.join(" × ")} cells` + (result.error ? `, error ${digits(result.error, 2)}` : ""));
    }
    if (kind === "exits" && !found.fields && !picture.table.rows.some((row) => row.reference)) {
      say(digits(result.mean, 4), ` by ${result.paths} paths, error ${digits(Math.hypot(result.standard_error, result.systematic_error), 2)}`);
    }
    charts.survival(picture, found.exits, found.fields);
  }

  function say(mean, how) {
    $("headline").textContent = `Mean escape time ${mean}`;
    $("headline").append(made("small", how));
  }

  function offerCompare(words = "Run all routes (up to 15 s)") {
    if (!source.live) return;
    const button = made("button", words, { type: "button", id: "compare" });
    button.addEventListener("click", () => run("compare", form.get()));
    jobNode("compare").replaceChildren(button);
  }

  // --- showing ---
  function show() {
    const best = picture.table.rows.find((row) => row.reference) ?? picture.table.rows[0];
    headline(picture.table);
    const { back } = picture;
    $("back").textContent = back ? `There and back: ${time(best)} to the target, ${time(back)} from it back to the start.` : "";
    $("back").hidden = !back;
    $("problem").textContent = picture.title;
    $("main-title").textContent = picture.dimension > 1 ? "Particles on the contours" : "Particles on the curve";
    $("third-title").textContent = picture.dimension > 1 ? "Committor: target before home" : "Strength of the noise";
    redraw();
    describe(best);
    showTable(picture.table);
    showCritical();
    offerCompare();
    jobNode("fields").hidden = picture.dimension === 1;
    $("program").textContent = picture.python;
    form.resolved({ start: picture.start.map((v) => digits(v)).join(","), target: picture.target.words, duration: digits(picture.clock.film, 4) });
    links();
  }

  function headline(table) {
    const best = table.rows.find((row) => row.reference) ?? table.rows[0];
    if (!best) { $("headline").textContent = table.headline; return; }
    say(time(best), ` by ${best.method}${best.process === "formula" && best.failed.length ? ", whose assumptions fail here" : ""}`);
  }

  function redraw() {
    if (!picture) return;
    charts.landscape(picture);
    charts.survival(picture, found.exits, found.fields);
    charts.third(picture, found.fields);
    film.draw();
  }

  function describe(best) {
    const minima = picture.critical.filter((p) => p.kind === "minimum").map((p) => `(${p.x.map((v) => digits(v, 3)).join(", ")})`);
    $("landscape").setAttribute("aria-label", `${picture.surface.height_name} over ${picture.variables.join(" and ")}, minima at ${minima.join(", ") || "no place in the box"}; ` +
      `particles start at ${picture.start.map((v) => digits(v, 3)).join(", ")}, target ${picture.target.words}; ${picture.surface.noise_words}`);
    $("survival").setAttribute("aria-label", `Share of particles that have not met the target, falling over time on a logarithmic axis; mean ${best ? time(best) : "unknown"}`);
    $("third").setAttribute("aria-label", picture.dimension > 1 ? "Committor over the plane" : `${picture.surface.noise_name} over ${picture.variables[0]}: ${picture.surface.noise_words}`);
  }

  function headed(table, caption, names) {
    table.replaceChildren();
    const row = table.createTHead().insertRow();
    for (const name of names) row.append(made("th", name, { scope: "col" }));
    return table.createTBody();
  }

  function showTable(table) {
    const body = headed($("routes"), "routes", ["route", "mean time", "error", "ratio", "z", "assumptions that fail"]);
    for (const row of table.rows) {
      const line = body.insertRow();
      line.className = row.reference ? "reference" : "";
      const cells = [row.method + (row.reference ? " ★" : ""), time(row) + (row.units === "time" ? "" : ` ${row.units}`), row.log_error ? digits(row.log_error, 2) : "–",
        row.ratio === null ? (row.log_ratio ? `e^${row.log_ratio.toFixed(2)}` : "–") : row.ratio.toPrecision(4), row.z === null || row.reference ? "–" : row.z.toFixed(1)];
      cells.forEach((text, k) => { const cell = line.insertCell(); cell.textContent = text; if (k) cell.className = "number"; });
      const last = line.insertCell();
      if (!row.failed.length) { last.textContent = "none"; continue; }
      const list = made("ul", "", { class: "failed" });
      for (const one of row.failed) list.append(made("li", `${one.statement} – not so: ${one.detail}`));
      last.append(list);
    }
    $("notes").replaceChildren(...table.notes.map((note) => made("p", note)));
    if (table.skipped.length) {
      const more = made("details"), list = made("ul");
      more.append(made("summary", `${table.skipped.length} that gave no answer, and why`), list);
      for (const one of table.skipped) list.append(made("li", `${one.method}: ${one.reason}`));
      $("notes").append(more);
    }
  }

  function showCritical() {
    const body = headed($("critical"), "critical points", ["kind", picture.variables.join(", "), "loss", picture.critical[0]?.loss === null ? "eigenvalues of the drift" : "eigenvalues of the Hessian"]);
    for (const point of picture.critical) {
      const row = body.insertRow();
      for (const text of [point.kind, point.x.map((v) => digits(v)).join(", "), digits(point.loss), point.eigenvalues.join(", ")]) row.insertCell().textContent = text;
    }
    if (!picture.critical.length) body.insertRow().insertCell().textContent = "none found in the box";
  }

  function copy(words, text) {
    const button = made("button", words, { type: "button" });
    button.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(text()); button.textContent = "Copied"; }
      catch { $("program").textContent = text(); getSelection().selectAllChildren($("program")); button.textContent = "Selected below"; }
      setTimeout(() => { button.textContent = words; }, 1500);
    });
    return button;
  }

  function links() {
    const nodes = [copy("Copy as Python", () => picture.python), copy("Copy as command", () => picture.command), copy("Copy link", () => location.href)];
    if (source.live) {
      const settings = form.get(), files = [["data.nc", "netCDF"], ["routes.csv", "routes (CSV)"], ["landscape.csv", "landscape (CSV)"]];
      if (picture.density) files.push(["density.csv", "density (CSV)"]);
      if (picture.survival) files.push(["survival.csv", "survival (CSV)"]);
      for (const [name, words] of files) nodes.push(made("a", words, { href: source.file(name, settings), download: "" }));
    }
    $("take").replaceChildren(...nodes);
  }

  // --- wiring ---
  for (const one of choices.presets) {
    const item = made("li"), button = made("button", one.title, { type: "button", "data-key": one.key });
    button.addEventListener("click", () => usePreset(one));
    item.append(button);
    $("presets").append(item);
  }
  for (const tools of document.querySelectorAll(".tools")) {
    for (const format of ["svg", "png"]) {
      const button = made("button", format.toUpperCase(), { type: "button", "aria-label": `Save this picture as ${format.toUpperCase()}` });
      button.addEventListener("click", () => charts.save($(tools.dataset.of), tools.dataset.of, format, tools.dataset.of === "landscape" ? film.now() : null));
      tools.append(button);
    }
  }
  function play(on) {
    film.play(on);
    $("play").setAttribute("aria-pressed", String(on));
    $("play").textContent = on ? "Pause" : "Play";
  }
  $("play").addEventListener("click", () => play($("play").getAttribute("aria-pressed") !== "true"));
  $("again").addEventListener("click", () => film.restart());
  $("speed").addEventListener("change", () => film.speed(Number($("speed").value)));
  film.onTick((t, left, all) => { $("film-time").textContent = `t = ${t.toPrecision(4)}; ${left} of ${all} particles have not met the target`; });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(() => requestAnimationFrame(() => film.draw())).observe($("landscape"));
  addEventListener("popstate", readAddress);
  readAddress();
  play(!matchMedia("(prefers-reduced-motion: reduce)").matches);
};
addEventListener("DOMContentLoaded", () => Explore.page());
