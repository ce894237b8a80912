// An exported page: its pictures were computed beforehand, and one slider goes through them.
"use strict";
if (typeof FPSIM_STORED !== "undefined") {
  Explore.source = (() => {
    const stored = FPSIM_STORED, entry = (settings) => stored.entries[settings.entry];
    const presets = stored.presets.map((one) => {
      const wanted = one.values.indexOf(one.settings[one.slider[0]]), value = one.values[Math.max(wanted, 0)];
      return { ...one, settings: { entry: `${one.key}/${value}` } };
    });
    const bytes = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
    return {
      live: false,
      choices: async () => ({ presets, particles: { default: stored.particles, most: stored.particles } }),
      picture: async (settings) => entry(settings).picture,
      movie: async (settings, onPiece) => onPiece(bytes(entry(settings).movie)),
      found: (settings) => entry(settings),
    };
  })();

  Explore.controls = (form, choices, changed) => {
    let settings = {};
    function put(given) {
      settings = { ...given };
      const [key, value] = settings.entry.split("/"), one = choices.presets.find((each) => each.key === key);
      const label = document.createElement("label"), slider = document.createElement("input"), now = document.createElement("output");
      label.textContent = one.label;
      label.htmlFor = slider.id = "stored-slider";
      Object.assign(slider, { type: "range", min: "0", max: String(one.values.length - 1), step: "1", value: String(one.values.indexOf(value)) });
      const show = () => { now.textContent = one.values[slider.value]; slider.setAttribute("aria-valuetext", now.textContent); };
      slider.addEventListener("input", () => { show(); settings = { entry: `${key}/${one.values[slider.value]}` }; changed({ ...settings }, one); });
      show();
      const row = document.createElement("div"), set = document.createElement("fieldset"), legend = document.createElement("legend");
      legend.textContent = one.title;
      row.className = "field";
      row.append(label, now, slider);
      set.append(legend, row);
      const note = document.createElement("p");
      note.textContent = "This page was written by fpsim explore --export: every number was computed beforehand.";
      form.replaceChildren(set, note);
    }
    return { get: () => ({ ...settings }), put, resolved: () => {} };
  };
}
