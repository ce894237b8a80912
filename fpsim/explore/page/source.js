// Where the page's numbers come from: the server, or what an exported page carries with it.
"use strict";
const Explore = {};

Explore.unpack = (entry) => {
  const text = atob(entry.f32), bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  return new Float32Array(bytes.buffer);
};

Explore.source = (() => {
  const query = (settings) => new URLSearchParams(settings).toString();

  async function answer(path, options) {
    let response;
    try {
      response = await fetch(path, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("The server does not answer; is fpsim explore still running?");
    }
    if (response.ok) return response;
    let said = "";
    try { said = (await response.json()).error; } catch { /* no sentence came */ }
    throw new Error(said || `The server answered ${response.status}.`);
  }

  const json = async (path, options) => (await answer(path, options)).json();

  // Frames as they come: onPiece(Float32Array); a path that could not go on ends them with an error.
  async function movie(settings, onPiece, signal) {
    const reader = (await answer(`/api/movie?${query(settings)}`, { signal })).body.getReader();
    let waiting = new Uint8Array(0);
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const joined = new Uint8Array(waiting.length + value.length);
      joined.set(waiting); joined.set(value, waiting.length);
      waiting = joined;
      for (;;) {
        if (waiting.length < 4) break;
        const length = new DataView(waiting.buffer, waiting.byteOffset).getUint32(0, true);
        if (length === 0xffffffff) {
          let more;
          while (!(more = await reader.read()).done) {
            const all = new Uint8Array(waiting.length + more.value.length);
            all.set(waiting); all.set(more.value, waiting.length);
            waiting = all;
          }
          throw new Error(new TextDecoder().decode(waiting.slice(4)));
        }
        if (waiting.length < 4 + length) break;
        onPiece(new Float32Array(waiting.slice(4, 4 + length).buffer));
        waiting = waiting.slice(4 + length);
      }
    }
  }

  // A job in the background: tell(share, stage) while it runs; what it found, or null if it was cancelled.
  async function job(kind, settings, tell, signal) {
    let state = await json(`/api/jobs/${kind}?${query(settings)}`, { method: "POST", signal });
    const number = state.id;
    const stop = () => { fetch(`/api/jobs/${number}`, { method: "DELETE" }).catch(() => {}); };
    signal.addEventListener("abort", stop, { once: true });
    while (state.state === "waiting" || state.state === "running") {
      tell(state.share, state.state === "waiting" ? "waiting for its turn" : state.stage);
      await new Promise((next) => setTimeout(next, 150));
      if (signal.aborted) return null;
      state = await json(`/api/jobs/${number}`, { signal });
    }
    signal.removeEventListener("abort", stop);
    if (state.state === "failed") throw new Error(state.error);
    return state.state === "done" ? state.result : null;
  }

  return {
    live: true,
    choices: () => json("/api/choices"),
    picture: (settings, signal) => json(`/api/picture?${query(settings)}`, { signal }),
    movie, job,
    file: (name, settings) => `/api/${name}?${query(settings)}`,
  };
})();
