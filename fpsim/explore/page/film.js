// Particles on the curve (or on the contours) and the density under them, on a canvas over the picture.
"use strict";
Explore.film = (canvas, project, colours) => {
  const pen = canvas.getContext("2d"), RADIUS = 3.2, LENGTH = 15, BOXES = 50;  // seconds of the film at speed 1; of a histogram
  let state = null, playing = false, frame = 0, speed = 1, last = null, size = [0, 0], onTick = () => {}, image = null;

  // picture: what the server gave; frames come later, piece by piece.
  function load(picture, particles) {
    state = { picture, particles, d: picture.dimension, pieces: [], frames: 0, met: new Uint8Array(particles), seen: -1,
      total: picture.clock.frames, time: picture.clock.film, density: null, rest: null };
    const { surface } = picture;
    state.axes = surface.axes.map(Explore.unpack);
    state.height = Explore.unpack(surface.height);
    if (picture.density) density(picture.density);
    frame = 0;
    draw();
  }

  function density(entry) {
    const values = Explore.unpack(entry.values), rest = entry.rest ? Explore.unpack(entry.rest) : null;
    const late = values.subarray(Math.floor(values.length / entry.values.shape[0]));
    let top = 0;
    for (const v of late) if (v > top) top = v;
    if (rest) for (const v of rest) if (v > top) top = v;
    // the first moments are a spike: the scale is that of the later ones
    const size_ = values.length / entry.values.shape[0], tail = values.subarray(8 * size_);
    let scale = 0;
    for (const v of tail) if (v > scale) scale = v;
    Object.assign(state, { density: { axes: entry.axes.map(Explore.unpack), times: Explore.unpack(entry.times), values,
      size: size_, shape: entry.values.shape.slice(1), top: 1.15 * (scale || top) }, rest });
    draw();
  }

  function add(piece) {
    if (!state) return;
    state.pieces.push(piece);
    state.frames += piece.length / (state.particles * state.d);
    if (!playing) draw();
  }

  // Coordinate c of particle p at frame k.
  function at(k, p, c) {
    let index = k;
    for (const piece of state.pieces) {
      const frames = piece.length / (state.particles * state.d);
      if (index < frames) return piece[(index * state.particles + p) * state.d + c];
      index -= frames;
    }
    return NaN;
  }

  function inTarget(x, y) {
    const target = state.picture.target;
    if (target.kind === "ball") return Math.hypot(x - target.center[0], y - target.center[1]) <= target.radius;
    return target.normal[0] * x + (state.d > 1 ? target.normal[1] * y : 0) >= target.offset;
  }

  function loss(x) {
    const axis = state.axes[0], n = axis.length, u = (x - axis[0]) / (axis[n - 1] - axis[0]) * (n - 1);
    const k = Math.min(Math.max(Math.floor(u), 0), n - 2), w = u - k;
    return (1 - w) * state.height[k] + w * state.height[k + 1];
  }

  function fit() {
    const ratio = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    if (size[0] !== box.width || size[1] !== box.height || canvas.width !== Math.round(box.width * ratio)) {
      size = [box.width, box.height];
      canvas.width = Math.round(box.width * ratio);
      canvas.height = Math.round(box.height * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  // The density at time t, straight between the times it was computed for.
  function between(t) {
    const { times, values, size: n } = state.density;
    let k = 0;
    while (k < times.length - 2 && times[k + 1] <= t) k++;
    const w = Math.min(Math.max((t - times[k]) / (times[k + 1] - times[k]), 0), 1);
    return (i) => (1 - w) * values[k * n + i] + w * values[(k + 1) * n + i];
  }

  function area(value, axis, box, top, fill) {
    pen.beginPath();
    pen.moveTo(project.x(axis[0]), box.bottom);
    for (let i = 0; i < axis.length; i++) {
      pen.lineTo(project.x(axis[i]), box.bottom - 0.42 * (box.bottom - box.top) * Math.min(value(i) / top, 1.5));
    }
    pen.lineTo(project.x(axis[axis.length - 1]), box.bottom);
    if (fill) { pen.globalAlpha = 0.3; pen.fill(); pen.globalAlpha = 0.9; }
    pen.lineWidth = fill ? 1.5 : 1.2;
    pen.stroke();
    pen.globalAlpha = 1;
  }

  function drawDensityLine(t, box) {
    const { axes, top } = state.density;
    pen.fillStyle = pen.strokeStyle = colours().density;
    area(between(t), axes[0], box, top, true);
    if (!state.rest) return;
    pen.setLineDash([4, 4]);
    area((i) => state.rest[i], axes[0], box, top, false);
    pen.setLineDash([]);
  }

  // Where no grid gives a density: that of the particles themselves, in boxes.
  function drawHistogram(box) {
    const axis = state.axes[0], low = axis[0], wide = (axis[axis.length - 1] - low) / BOXES, counts = new Array(BOXES).fill(0);
    const k = Math.min(Math.floor(frame), state.frames - 1);
    for (let p = 0; p < state.particles; p++) {
      const i = Math.floor((at(k, p, 0) - low) / wide);
      if (i >= 0 && i < BOXES) counts[i]++;
    }
    pen.fillStyle = colours().density;
    pen.globalAlpha = 0.35;
    counts.forEach((count, i) => {
      const x0 = project.x(low + i * wide), x1 = project.x(low + (i + 1) * wide);
      const high = 0.42 * (box.bottom - box.top) * Math.min(count / state.particles / 0.3, 1);
      pen.fillRect(x0, box.bottom - high, x1 - x0 - 1, high);
    });
    pen.globalAlpha = 1;
  }

  function drawDensityPlane(t) {
    const { axes, shape, top } = state.density, value = between(t), [nx, ny] = shape;
    image ??= document.createElement("canvas");
    image.width = nx; image.height = ny;
    const inner = image.getContext("2d"), pixels = inner.createImageData(nx, ny), [r, g, b] = colours().densityRgb;
    for (let i = 0; i < nx; i++) {
      for (let j = 0; j < ny; j++) {
        const k = 4 * ((ny - 1 - j) * nx + i);
        pixels.data[k] = r; pixels.data[k + 1] = g; pixels.data[k + 2] = b;
        pixels.data[k + 3] = 210 * Math.sqrt(Math.min(value(i * ny + j) / top, 1));
      }
    }
    inner.putImageData(pixels, 0, 0);
    const half = axes.map((axis) => (axis[1] - axis[0]) / 2);
    const x0 = project.x(axes[0][0] - half[0]), x1 = project.x(axes[0][nx - 1] + half[0]);
    const y0 = project.y(axes[1][ny - 1] + half[1]), y1 = project.y(axes[1][0] - half[1]);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(image, x0, y0, x1 - x0, y1 - y0);
  }

  function drawParticles(box) {
    const k = Math.min(Math.floor(frame), state.frames - 1), next = Math.min(k + 1, state.frames - 1), w = frame - k;
    const { free, met } = colours();
    for (let p = 0; p < state.particles; p++) {
      const x = (1 - w) * at(k, p, 0) + w * at(next, p, 0);
      const y = state.d > 1 ? (1 - w) * at(k, p, 1) + w * at(next, p, 1) : loss(x);
      const px = Math.min(Math.max(project.x(x), box.left), box.right);
      const py = Math.min(Math.max(project.y(y) - (state.d > 1 ? 0 : RADIUS + 1), box.top), box.bottom);
      pen.fillStyle = state.met[p] ? met : free;
      pen.globalAlpha = 0.75;
      pen.beginPath();
      pen.arc(px, py, RADIUS, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  function draw() {
    fit();
    pen.clearRect(0, 0, size[0], size[1]);
    const box = project.box();
    if (!state || !box) return;
    pen.save();
    pen.beginPath();
    pen.rect(box.left - 4, box.top - 4, box.right - box.left + 8, box.bottom - box.top + 8);
    pen.clip();
    const t = Math.min(frame / state.total, 1) * state.time;
    if (state.density) (state.d > 1 ? drawDensityPlane : drawDensityLine)(t, box);
    else if (state.frames && state.d === 1) drawHistogram(box);
    if (state.frames) drawParticles(box);
    pen.restore();
    let out = 0;
    for (const m of state.met) out += m;
    onTick(t, state.particles - out, state.particles);
  }

  function note() {
    const k = Math.min(Math.floor(frame), state.frames - 1);
    for (let seen = state.seen + 1; seen <= k; seen++) {
      for (let p = 0; p < state.particles; p++) {
        if (!state.met[p] && inTarget(at(seen, p, 0), state.d > 1 ? at(seen, p, 1) : 0)) state.met[p] = 1;
      }
    }
    state.seen = Math.max(k, state.seen);
  }

  function restart() {
    frame = 0;
    if (state) { state.met.fill(0); state.seen = -1; }
    draw();
  }

  function tick(now) {
    if (!playing) return;
    const passed = last === null ? 0 : Math.min((now - last) / 1000, 0.1);
    last = now;
    if (state && state.frames > 1) {
      frame = Math.min(frame + state.total / LENGTH * speed * passed, state.frames - 1);
      note();
      if (frame >= state.total) restart();
    }
    draw();
    requestAnimationFrame(tick);
  }

  return {
    load, density, add, draw, restart,
    play: (on) => { if (on && !playing) { playing = true; last = null; requestAnimationFrame(tick); } else playing = on; },
    speed: (value) => { speed = value; },
    onTick: (act) => { onTick = act; },
    // What is on the canvas now, for a picture that is saved: places of particles and the density.
    now: () => {
      if (!state) return null;
      const k = Math.min(Math.floor(frame), state.frames - 1), x = [], y = [];
      for (let p = 0; p < state.particles && k >= 0; p++) {
        x.push(at(k, p, 0));
        y.push(state.d > 1 ? at(k, p, 1) : loss(at(k, p, 0)));
      }
      const value = state.density ? between(Math.min(frame / state.total, 1) * state.time) : null;
      const density_ = value && state.d === 1
        ? { x: Array.from(state.density.axes[0]), y: Array.from(state.density.axes[0], (_, i) => value(i)), top: state.density.top }
        : null;
      return { x, y, met: Array.from(state.met), density: density_ };
    },
  };
};
