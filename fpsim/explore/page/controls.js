// The form: one control per setting, made from what the server offers; its state is an object of texts.
"use strict";
Explore.controls = (form, choices, changed) => {
  const FORMULA = "(formula)";
  const START = { temperature: "0.08", learning_rate: "0.1", batch_size: "1", at: "everywhere", floor: "0.5",
    curvature: "2", alpha: "1.5", scale: "0.2" };
  const WORDS = { at: [["everywhere", "everywhere: H(x)"], ["minimum", "frozen at the minimum"],
                       ["path", "two levels (Xie et al.)"]] };
  const PLAIN = [["start", "start"], ["target", "target"]];
  const MORE = [["variables", "coordinates of a formula"], ["bounds", "box (low:high, ...)"],
    ["injected", "constant noise added"], ["climb_fraction", "climb fraction s"],
    ["covariance", "covariance formula"], ["duration", "time of the film"]];
  let settings = {}, shown = {};
  let counter = 0;

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  function field(label, control, slider) {
    control.id = `field-${++counter}`;
    const row = element("div", { class: slider || control.dataset.short ? "field" : "field long" },
      element("label", { for: control.id }, label), control);
    if (slider) { slider.setAttribute("aria-label", `${label}, slider`); row.append(slider); }
    return row;
  }

  function text(name, label, placeholder = "") {
    const input = element("input", { type: "text", name, value: settings[name] ?? "", placeholder });
    input.spellcheck = false;
    input.addEventListener("change", () => set(name, input.value.trim()));
    return field(label, input);
  }

  function select(name, label, options, value, act) {
    const box = element("select", { name });
    for (const [key, words] of options) box.append(element("option", { value: key }, words));
    box.value = value;
    box.addEventListener("change", () => act(box.value));
    return field(label, box);
  }

  function number(name, label, range) {
    const value = settings[name] ?? String(range.default ?? "");
    const input = element("input", { type: "number", name, value, step: range.whole ? "1" : "any" });
    input.dataset.short = "yes";
    const slider = element("input", { type: "range", min: "0", max: "1000", step: "1" });
    const place = (v) => range.log ? Math.log(v / range.low) / Math.log(range.high / range.low)
                                   : (v - range.low) / (range.high - range.low);
    const at = (s) => range.log ? range.low * (range.high / range.low) ** s : range.low + s * (range.high - range.low);
    const show = (v) => { slider.value = String(Math.round(1000 * Math.min(Math.max(place(v), 0), 1))); 
      slider.setAttribute("aria-valuetext", input.value); };
    show(Number(value));
    slider.addEventListener("input", () => {
      const v = at(slider.value / 1000);
      input.value = range.whole ? String(Math.round(v)) : String(Number(v.toPrecision(3)));
      slider.setAttribute("aria-valuetext", input.value);
      set(name, input.value, false);
    });
    input.addEventListener("change", () => { show(Number(input.value)); set(name, input.value, false); });
    return field(label, input, slider);
  }

  function set(name, value, redraw = true) {
    if (value === "") delete settings[name]; else settings[name] = value;
    if (redraw) draw();
    changed({ ...settings });
  }

  function chooseLandscape(name) {
    const kept = {};
    for (const key of ["noise", "learning_rate", "batch_size", "at", "floor", "alpha", "scale", "curvature",
                       "convention", "particles", "seed"]) if (key in settings) kept[key] = settings[key];
    settings = { ...kept, landscape: name === FORMULA ? "(x**2 - 1)**2/4 + a*x" : name };
    if (name === FORMULA) settings["p.a"] = "0.05";
    const place = choices.landscapes[settings.landscape];
    if (settings.noise === "examples" && !place?.has_examples) delete settings.noise;
    if ((settings.noise ?? "constant") === "constant") settings.temperature = String(place?.temperature ?? 0.08);
    chooseNoise(settings.noise ?? "constant");
  }

  function chooseNoise(kind) {
    const place = choices.landscapes[settings.landscape ?? "double-well"];
    const wanted = choices.noises[kind]?.fields ?? [];
    for (const other of Object.values(choices.noises)) {
      for (const name of other.fields) if (!wanted.includes(name)) delete settings[name];
    }
    for (const name of wanted) settings[name] ??= name === "temperature" ? String(place?.temperature ?? 0.08) : START[name];
    if (kind === "loss-scaled" && place && "offset" in place.parameters) settings["p.offset"] ??= "0.1";
    settings.noise = kind;
    draw();
    changed({ ...settings });
  }

  function landscapeFields() {
    const name = settings.landscape ?? "double-well", place = choices.landscapes[name];
    const names = Object.keys(choices.landscapes).map((key) => [key, key.replaceAll("-", " ")]);
    const set_ = element("fieldset", {}, element("legend", {}, "Landscape"));
    set_.append(select("landscape-choice", "loss", [...names, [FORMULA, "a formula of yours"]],
      place ? name : FORMULA, chooseLandscape));
    if (place) {
      for (const [key, range] of Object.entries(place.parameters)) set_.append(number(`p.${key}`, key, range));
      return set_;
    }
    set_.append(text("landscape", "formula in x, or x and y"));
    const own = Object.keys(settings).filter((key) => key.startsWith("p."));
    for (const key of own) {
      const value = Number(settings[key]) || 0, size = Math.max(Math.abs(value), 0.25) * 2;
      set_.append(number(key, key.slice(2), { low: -size, high: size, log: false, default: value }));
    }
    const constants = element("input", { type: "text", name: "constants", placeholder: "a=0.1, b=2",
      value: own.map((key) => `${key.slice(2)}=${settings[key]}`).join(", ") });
    constants.addEventListener("change", () => {
      for (const key of own) delete settings[key];
      for (const part of constants.value.split(",").filter((piece) => piece.trim())) {
        const [key, value] = part.split("=");
        settings[`p.${key.trim()}`] = (value ?? "").trim() || "1";
      }
      draw();
      changed({ ...settings });
    });
    set_.append(field("its constants", constants));
    return set_;
  }

  // Of a noise's number; temperatures are around the one at which something is seen.
  function range(name, kind, place) {
    const field = { ...choices.fields[name], whole: name === "batch_size" && kind === "examples" };
    if (name === "temperature" && place) Object.assign(field, { low: place.temperature / 5, high: place.temperature * 5 });
    return field;
  }

  function noiseFields() {
    const kind = settings.noise ?? "constant", place = choices.landscapes[settings.landscape ?? "double-well"];
    const offered = Object.entries(choices.noises).filter(([key]) => key !== "examples" || place?.has_examples);
    const options = offered.map(([key, noise]) => [key, noise.words]);
    if (!choices.noises[kind]) options.push([kind, kind]);
    const set_ = element("fieldset", {}, element("legend", {}, "Noise"));
    set_.append(select("noise", "kind", options, kind, chooseNoise));
    for (const name of choices.noises[kind]?.fields ?? ["learning_rate", "batch_size"]) {
      if (WORDS[name]) set_.append(select(name, "Hessian taken", WORDS[name], settings[name], (v) => set(name, v)));
      else set_.append(number(name, choices.fields[name].label, range(name, kind, place)));
    }
    return set_;
  }

  function escapeFields() {
    const set_ = element("fieldset", {}, element("legend", {}, "Escape"));
    for (const [name, label] of PLAIN) set_.append(text(name, label, shown[name] ?? ""));
    set_.append(select("convention", "stochastic integral", [["ito", "Itô"], ["stratonovich", "Stratonovich"],
      ["anti-ito", "anti-Itô"]], settings.convention ?? "ito", (v) => set("convention", v === "ito" ? "" : v)));
    set_.append(number("particles", "particles in the film",
      { low: 1, high: choices.particles.most, log: false, whole: true, default: choices.particles.default }));
    set_.append(number("seed", "seed", { low: 0, high: 100, log: false, whole: true, default: 0 }));
    const more = element("details", {}, element("summary", {}, "More"));
    more.open = MORE.some(([name]) => name in settings);
    for (const [name, label] of MORE) more.append(text(name, label, shown[name] ?? ""));
    more.append(select("floor_shape", "shape of the floor", [["additive", "|H| + floor"], ["smooth", "√(H² + floor²)"]],
      settings.floor_shape ?? "additive", (v) => set("floor_shape", v === "additive" ? "" : v)));
    set_.append(more);
    return set_;
  }

  function draw() {
    const focused = document.activeElement?.name;
    const open = form.querySelector("details")?.open;
    counter = 0;
    form.replaceChildren(landscapeFields(), noiseFields(), escapeFields());
    if (open) form.querySelector("details").open = true;
    if (focused && form.elements[focused]?.focus) form.elements[focused].focus();
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  return {
    get: () => ({ ...settings }),
    put: (given) => { settings = { ...given }; draw(); },
    // What the server took where nothing was given, as placeholders.
    resolved: (values) => {
      shown = values;
      for (const [name, value] of Object.entries(values)) {
        const input = form.elements[name];
        if (input && "placeholder" in input) input.placeholder = value;
      }
    },
  };
};
