/* Two recordings at one place. Both run at the same time through one AudioContext, the known one at the speed that was
   measured and both as loud as the quieter of them; which of them is heard is a matter of a hundredth of a second. */
"use strict";

(() => {
  /** How far an arrow key goes, in seconds. */
  const STEP = 5;
  /** A change of speed below this cannot be told from a measuring error. */
  const SAME_SPEED = 0.005;
  /** A change of pitch below this, in semitones, is not heard. */
  const SAME_PITCH = 0.2;
  /** By how much a shifted sound comes late, in seconds: half the window of pitch_shift.js. */
  const SHIFT_DELAY = 0.05;
  const SHIFTER = new URL("pitch_shift.js", document.currentScript.src).href;
  /** A player that was sent to the beginning of a match stands up to this many seconds before it. */
  const ROUNDING = 0.05;
  /** Fading from one recording to the other, in seconds: no click, and no gap. */
  const FADE = 0.012;
  /** The silent one is steered after the audible one: beyond NEAR by its speed, beyond FAR by a jump (seconds). */
  const NEAR = 0.015, FAR = 0.18, STEERING = 0.03;
  /** Time between two looks at whether both are still together, in ms. */
  const WATCH = 120;
  /** The loudest difference that is made up for, in dB: beyond it something else is wrong. */
  const MOST_DB = 24;
  /** Lanes of the picture, in its own units: where each begins, and how high it is. */
  const LANES = { a: [2, 48], b: [82, 48] };
  const WIDTH = 1000;

  const clock = (seconds) => {
    const tenths = Math.max(0, Math.round(seconds * 10));
    return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
  };

  let context;
  /** The one AudioContext of the page, made when somebody first presses a key or a button. */
  function output() {
    context ||= new AudioContext();
    if (context.state === "suspended") context.resume();
    return context;
  }

  /** Put an audio element at a place; resolves once it is there, loading its beginning where nothing is known yet. */
  function place(audio, seconds) {
    if (audio.readyState >= HTMLMediaElement.HAVE_METADATA) {
      if (Math.abs(audio.currentTime - seconds) < 0.001) return Promise.resolve();
      return new Promise((resolve) => {
        audio.addEventListener("seeked", resolve, { once: true });
        audio.currentTime = seconds;
      });
    }
    return new Promise((resolve) => {
      audio.addEventListener("loadedmetadata", () => place(audio, seconds).then(resolve), { once: true });
      audio.addEventListener("error", resolve, { once: true });
      audio.preload = "auto";
      audio.load();
    });
  }

  /** Enough is there to begin; both recordings begin together. */
  function ready(audio) {
    if (audio.error || audio.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) return Promise.resolve();
    return new Promise((resolve) => {
      audio.addEventListener("canplay", resolve, { once: true });
      audio.addEventListener("error", resolve, { once: true });
    });
  }

  /** Start a sound; a pause that comes before it began is no error. */
  async function start(audio) {
    try {
      await audio.play();
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  /** What a recording looks like: loudest and effective values of its stretches, from 0 to 255. */
  class Portrait {
    constructor({ duration, peaks }) {
      const values = bytes(peaks);
      this.duration = duration;
      this.peaks = values.subarray(0, values.length / 2);
      this.effective = values.subarray(values.length / 2);
      this.loudest = Math.max(1, ...this.peaks);
    }

    /** As the outline of an area, mirrored at its middle. */
    outline(values, scale, [top, height]) {
      const middle = top + height / 2;
      const step = (this.duration * scale) / values.length;
      const points = Array.from(values, (value, number) => [number * step, Math.max(0.4, (value / this.loudest) * height * 0.47)]);
      const up = points.map(([x, y]) => `${x.toFixed(1)},${(middle - y).toFixed(1)}`);
      const down = points.reverse().map(([x, y]) => `${x.toFixed(1)},${(middle + y).toFixed(1)}`);
      return `M${[...up, ...down].join("L")}Z`;
    }

    /** The level between two moments, in dB below full scale; undefined for silence. */
    level(from, to) {
      const at = (seconds) => Math.round((seconds / this.duration) * this.effective.length);
      const part = this.effective.subarray(Math.max(0, at(from)), Math.max(at(from) + 1, at(to)));
      const square = part.reduce((sum, value) => sum + (value / 255) ** 2, 0) / Math.max(1, part.length);
      return square > 0 ? 10 * Math.log10(square) : undefined;
    }
  }

  class Ears {
    constructor(root) {
      this.root = root;
      this.match = JSON.parse(document.getElementById(root.dataset.ears).textContent);
      const { speed, pitch_semitones: semitones } = this.match;
      this.speed = Math.abs(speed - 1) < SAME_SPEED ? 1 : speed;
      const keepsPitch = Math.abs(semitones + 12 * Math.log2(this.speed)) < SAME_PITCH;
      const goesWithSpeed = Math.abs(semitones) < SAME_PITCH;
      /** What is left to shift, as a ratio of frequencies, once the speed has done its part. */
      this.shift = keepsPitch || goesWithSpeed ? 1 : 2 ** (semitones / 12);
      this.sides = { a: root.querySelector("[data-audio=a]"), b: root.querySelector("[data-audio=b]") };
      this.loudness = { a: 1, b: 1 };
      if (this.sides.b) {
        // Played faster as a tape is, the pitch goes with the speed; made shorter by a machine, it stays.
        this.sides.b.preservesPitch = keepsPitch && !goesWithSpeed;
        this.sides.b.defaultPlaybackRate = this.sides.b.playbackRate = this.speed;
      }
      this.side = "a";
      this.segment = 0;
      this.wanted = false;
      this.at = this.match.segments[0].start; // the place, in the delivered file's time
      root.addEventListener("click", (event) => this.click(event));
      root.querySelector("svg").addEventListener("click", (event) => this.pick(event));
      for (const audio of this.both) {
        for (const kind of ["timeupdate", "play", "pause", "ended", "seeked"]) {
          audio.addEventListener(kind, () => this.follow(audio));
        }
        audio.addEventListener("error", () => this.root.classList.add("broken"));
      }
      this.show();
    }

    get both() { return Object.values(this.sides).filter(Boolean); }
    get audio() { return this.sides[this.side]; }
    get silent() { return this.sides[this.side === "a" ? "b" : "a"]; }
    get playing() { return !this.audio.paused; }
    get current() { return this.match.segments[this.segment]; }

    /** Connect both to the one output; a side that is not heard is turned down, and runs along. */
    wire() { return (this.wiring ||= this.connect()); }

    async connect() {
      const out = output();
      const shifter = await this.shifter(out);
      const gains = {};
      for (const [side, audio] of Object.entries(this.sides)) {
        if (!audio) continue;
        gains[side] = out.createGain();
        gains[side].gain.value = 0;
        const source = out.createMediaElementSource(audio);
        (side === "b" && shifter ? source.connect(shifter) : source).connect(gains[side]).connect(out.destination);
      }
      this.gains = gains;
    }

    /** What brings the known recording to the pitch of the delivered one, where its speed alone does not. */
    async shifter(out) {
      if (this.shift === 1) return null;
      if (!out.audioWorklet) { // only https and localhost have it
        this.root.querySelector("[data-show=level]").textContent = "B sounds at its own pitch: this page needs https";
        return null;
      }
      await out.audioWorklet.addModule(SHIFTER);
      return new AudioWorkletNode(out, "pitch-shift", { processorOptions: { ratio: this.shift }, outputChannelCount: [2] });
    }

    /** Fade to the side that is to be heard. */
    mix() {
      if (!this.gains) return;
      for (const [side, { gain }] of Object.entries(this.gains)) {
        gain.setTargetAtTime(side === this.side ? this.loudness[side] : 0, context.currentTime, FADE / 3);
      }
    }

    /** Draw both and find how much the louder one must be turned down; what is quiet is never turned up. */
    async look() {
      if (this.looked) return;
      this.looked = true;
      const levels = {};
      const { start, end, bStart, bEnd } = this.current;
      await Promise.all(Object.entries(this.match.looks).map(async ([side, address]) => {
        const answer = await fetch(address);
        if (!answer.ok) return; // a file that cannot be drawn; its lane stays empty
        const portrait = new Portrait(await answer.json());
        if (!portrait.peaks.length) return;
        levels[side] = side === "a" ? portrait.level(start, end) : portrait.level(bStart, bEnd);
        for (const [name, values] of [["peaks", portrait.peaks], ["body", portrait.effective]]) {
          const path = this.root.querySelector(`.wave-${side}.${name}`);
          path.setAttribute("d", portrait.outline(values, this.match.scale, LANES[side]));
        }
      }));
      if (levels.a !== undefined && levels.b !== undefined) {
        const over = Math.max(-MOST_DB, Math.min(MOST_DB, levels.a - levels.b));
        this.loudness[over > 0 ? "a" : "b"] = 10 ** (-Math.abs(over) / 20);
        this.root.querySelector("[data-show=level]").textContent =
          Math.abs(over) < 0.5 ? "equally loud" : `${over > 0 ? "A" : "B"} turned down by ${Math.abs(over).toFixed(1)} dB`;
        this.mix();
      }
      this.root.dataset.looked = "true";
    }

    /** The match that a place of one side lies in, or the nearest; of two that meet there, the one that begins. */
    matchAt(seconds, start, end) {
      const far = (one) => Math.max(one[start] - ROUNDING - seconds, seconds - one[end], 0);
      let nearest = 0;
      this.match.segments.forEach((one, number) => {
        if (far(one) <= far(this.match.segments[nearest])) nearest = number;
      });
      return nearest;
    }

    /** The same place in the known recording: a copy that plays faster gets through more of it. */
    there(here) { return Math.max(0, this.current.bStart + (here - this.current.start) * this.speed); }
    here(there) { return Math.max(0, this.current.start + (there - this.current.bStart) / this.speed); }
    /** How much earlier the known recording must run where its sound comes late, in its own time. */
    get lead() { return this.shift === 1 ? 0 : SHIFT_DELAY * this.speed; }
    partner() {
      const { currentTime } = this.audio;
      return this.side === "a" ? this.there(currentTime) + this.lead : this.here(currentTime - this.lead);
    }
    rate(audio) { return audio === this.sides.b ? this.speed : 1; }

    follow(audio) {
      if (audio !== this.audio || audio.readyState < HTMLMediaElement.HAVE_METADATA) return;
      if (this.side === "a") {
        this.segment = this.matchAt(audio.currentTime, "start", "end");
        this.at = audio.currentTime;
      } else {
        this.segment = this.matchAt(audio.currentTime, "bStart", "bEnd");
        this.at = this.here(audio.currentTime);
      }
      this.show();
    }

    /** Keep the silent one beside the audible one, which itself is never touched. */
    steer() {
      const { audio, silent } = this;
      if (!silent || audio.paused || silent.readyState < HTMLMediaElement.HAVE_METADATA || silent.seeking) return;
      const behind = this.partner() - silent.currentTime;
      if (Math.abs(behind) > FAR) {
        silent.currentTime = this.partner();
        silent.playbackRate = this.rate(silent);
      } else {
        const push = Math.abs(behind) > NEAR ? Math.sign(behind) * STEERING : 0;
        silent.playbackRate = this.rate(silent) * (1 + push);
      }
      if (silent.paused && !silent.ended) start(silent);
    }

    /** Both to a place, and on from there together if there was sound. */
    async go(here, playing = this.wanted) {
      const turn = this.turns = (this.turns || 0) + 1;
      this.at = Math.max(0, here);
      this.wanted = playing;
      for (const audio of this.both) audio.pause();
      if (playing) await this.wire();
      if (turn !== this.turns) return;
      const places = { a: this.at, b: this.there(this.at) + (playing ? this.lead : 0) };
      await Promise.all(Object.entries(this.sides).filter(([, audio]) => audio).map(([side, audio]) => place(audio, places[side])));
      if (turn !== this.turns || !playing) { this.show(); return; }
      await Promise.all(this.both.map(ready));
      if (turn !== this.turns) return;
      this.mix();
      for (const audio of this.both) audio.playbackRate = this.rate(audio);
      await Promise.all(this.both.filter((audio) => !audio.error).map(start));
      this.show();
    }

    async play() {
      if (this.wanted) {
        this.wanted = false;
        this.turns = (this.turns || 0) + 1;
        for (const audio of this.both) audio.pause();
        this.show();
      } else {
        await this.go(this.at, true);
      }
    }

    /** Hear the other recording: at the same place at once, or at another one. */
    async turn(side, here) {
      if (!this.sides[side]) return;
      if (side !== this.side && here === undefined && this.playing && this.silent && !this.silent.paused) {
        this.audio.playbackRate = this.rate(this.audio);
        this.side = side;
        this.audio.playbackRate = this.rate(this.audio);
        this.mix();
        this.show();
        return;
      }
      this.side = side;
      this.show();
      await this.go(here ?? this.at);
    }

    async next() {
      this.segment = (this.segment + 1) % this.match.segments.length;
      await this.go(this.current.start);
    }

    async act(what) {
      this.focus();
      if (what === "play") await this.play();
      if (what === "a" || what === "b") await this.turn(what);
      if (what === "switch") await this.turn(this.side === "a" ? "b" : "a");
      if (what === "match") await this.go(this.current.start);
      if (what === "next") await this.next();
      if (what === "back") await this.go(this.at - STEP);
      if (what === "forth") await this.go(this.at + STEP);
    }

    click(event) {
      const button = event.target.closest("[data-do]");
      if (button) this.act(button.dataset.do);
    }

    /** A click into the picture plays from there, in the lane that was hit. */
    pick(event) {
      const box = event.currentTarget.getBoundingClientRect();
      const seconds = ((event.clientX - box.left) / box.width) * WIDTH / this.match.scale;
      const lower = (event.clientY - box.top) / box.height > 0.5;
      this.focus();
      if (lower && this.sides.b) {
        this.segment = this.matchAt(seconds, "bStart", "bEnd");
        this.turn("b", this.here(seconds));
      } else {
        this.segment = this.matchAt(seconds, "start", "end");
        this.turn("a", seconds);
      }
    }

    focus() {
      for (const other of panels) {
        if (other !== this && other.wanted) other.play();
        other.root.classList.toggle("active", other === this);
      }
      active = this;
    }

    show() {
      const { root, match } = this;
      root.dataset.side = this.side;
      root.dataset.playing = String(this.playing);
      for (const side of ["a", "b"]) {
        root.querySelector(`[data-do=${side}]`).setAttribute("aria-pressed", String(side === this.side));
        const x = (side === "a" ? this.at : this.there(this.at)) * match.scale;
        const head = root.querySelector(`.head-${side}`);
        head.setAttribute("x1", x);
        head.setAttribute("x2", x);
      }
      root.querySelector("[data-do=play]").textContent = this.wanted ? "❚❚" : "▶";
      const part = match.segments.length > 1 ? `, match ${this.segment + 1} of ${match.segments.length}` : "";
      root.querySelector("[data-show=time]").textContent =
        `A ${clock(this.at)} · B ${clock(this.there(this.at))}${part}`;
    }
  }

  const panels = [...document.querySelectorAll("[data-ears]")].map((root) => new Ears(root));
  let active = panels[0];
  if (active) active.focus();
  setInterval(() => { if (active && active.wanted) active.steer(); }, WATCH);
  // The first one at once; others when they come into sight.
  const sight = new IntersectionObserver((seen) => {
    for (const one of seen) if (one.isIntersecting) panels.find((panel) => panel.root === one.target).look();
  });
  for (const panel of panels) sight.observe(panel.root);

  const solo = document.querySelector(".solo-player");
  for (const button of document.querySelectorAll("[data-solo]")) {
    button.addEventListener("click", () => {
      const other = solo.getAttribute("src") !== button.dataset.solo;
      if (other) solo.src = button.dataset.solo;
      solo.hidden = false;
      if (active && active.wanted) active.play();
      if (other || solo.paused) start(solo);
      else solo.pause();
    });
  }
  if (solo) {
    const mark = () => {
      for (const button of document.querySelectorAll("[data-solo]")) {
        button.textContent = !solo.paused && solo.getAttribute("src") === button.dataset.solo ? "❚❚" : "▶";
      }
      if (!solo.paused && active && active.wanted) active.play();
    };
    solo.addEventListener("play", mark);
    solo.addEventListener("pause", mark);
  }

  // Pictures are made when somebody wants to see them.
  for (const details of document.querySelectorAll("details[data-picture]")) {
    details.addEventListener("toggle", () => {
      if (!details.open) return;
      for (const image of details.querySelectorAll("img[data-src]:not([src])")) image.src = image.dataset.src;
    });
  }

  window.deskEars = { act: (what) => active?.act(what), get present() { return Boolean(active); } };
})();
