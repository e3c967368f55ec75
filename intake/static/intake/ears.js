/* Two recordings at the same place: play one, switch to the other without losing the place, go to the next match. */
"use strict";

(() => {
  /** How far an arrow key goes, in seconds. */
  const STEP = 5;
  /** A change of speed below this cannot be told from a measuring error. */
  const SAME_SPEED = 0.005;
  /** A player that was sent to the beginning of a match stands up to this many seconds before it. */
  const ROUNDING = 0.05;
  /** Where the picture's lower lane begins, as a share of its height. */
  const LOWER = 0.5;

  const clock = (seconds) => {
    const tenths = Math.max(0, Math.round(seconds * 10));
    return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
  };

  /** Put an audio element at a place; resolves once it is there, loading its beginning where nothing is known yet. */
  function place(audio, seconds) {
    if (audio.readyState >= HTMLMediaElement.HAVE_METADATA) {
      audio.currentTime = seconds;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      audio.addEventListener("loadedmetadata", () => { audio.currentTime = seconds; resolve(); }, { once: true });
      audio.preload = "auto";
      audio.load();
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

  class Ears {
    constructor(root) {
      this.root = root;
      this.match = JSON.parse(document.getElementById(root.dataset.ears).textContent);
      const speed = this.match.speed;
      this.speed = Math.abs(speed - 1) < SAME_SPEED ? 1 : speed;
      this.sides = { a: root.querySelector("[data-audio=a]"), b: root.querySelector("[data-audio=b]") };
      if (this.sides.b) {
        this.sides.b.preservesPitch = false;
        this.sides.b.defaultPlaybackRate = this.sides.b.playbackRate = this.speed;
      }
      this.side = "a";
      this.segment = 0;
      this.at = this.match.segments[0].start; // the place, in the delivered file's time
      root.addEventListener("click", (event) => this.click(event));
      root.querySelector("svg").addEventListener("click", (event) => this.pick(event));
      for (const audio of Object.values(this.sides)) {
        if (!audio) continue;
        for (const kind of ["timeupdate", "play", "pause", "ended", "seeked"]) {
          audio.addEventListener(kind, () => this.follow(audio));
        }
        audio.addEventListener("error", () => this.root.classList.add("broken"));
      }
      this.show();
    }

    get audio() { return this.sides[this.side]; }
    get playing() { return !this.audio.paused; }
    get current() { return this.match.segments[this.segment]; }

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

    async go(here, playing = this.playing) {
      this.at = Math.max(0, here);
      const audio = this.audio;
      await place(audio, this.side === "a" ? this.at : this.there(this.at));
      if (playing && audio === this.audio) await start(audio);
      this.show();
    }

    async play() {
      if (this.playing) this.audio.pause();
      else await this.go(this.at, true);
    }

    /** Hear the other recording, at the same place or at another one. */
    async turn(side, here = this.at) {
      if (!this.sides[side]) return;
      const playing = this.playing;
      if (side !== this.side) this.audio.pause();
      this.side = side;
      await this.go(here, playing);
    }

    async next() {
      this.segment = (this.segment + 1) % this.match.segments.length;
      await this.go(this.current.start);
    }

    async act(what) {
      this.focus();
      if (what === "play") await this.play();
      if (what === "a" || what === "b") await this.turn(what);
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
      const seconds = ((event.clientX - box.left) / box.width) * 1000 / this.match.scale;
      const lower = (event.clientY - box.top) / box.height > LOWER;
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
      for (const other of panels) other.root.classList.toggle("active", other === this);
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
      root.querySelector("[data-do=play]").textContent = this.playing ? "❚❚" : "▶";
      const part = match.segments.length > 1 ? `, match ${this.segment + 1} of ${match.segments.length}` : "";
      root.querySelector("[data-show=time]").textContent =
        `A ${clock(this.at)} · B ${clock(this.there(this.at))}${part}`;
    }
  }

  // One sound at a time, whoever starts it.
  document.addEventListener("play", (event) => {
    for (const audio of document.querySelectorAll("audio")) if (audio !== event.target) audio.pause();
  }, true);

  const panels = [...document.querySelectorAll("[data-ears]")].map((root) => new Ears(root));
  let active = panels[0];
  if (active) active.focus();

  const solo = document.querySelector(".solo-player");
  for (const button of document.querySelectorAll("[data-solo]")) {
    button.addEventListener("click", () => {
      const other = solo.getAttribute("src") !== button.dataset.solo;
      if (other) solo.src = button.dataset.solo;
      solo.hidden = false;
      if (other || solo.paused) start(solo);
      else solo.pause();
    });
  }
  if (solo) {
    const mark = () => {
      for (const button of document.querySelectorAll("[data-solo]")) {
        button.textContent = !solo.paused && solo.getAttribute("src") === button.dataset.solo ? "❚❚" : "▶";
      }
    };
    solo.addEventListener("play", mark);
    solo.addEventListener("pause", mark);
  }

  const KEYS = { " ": "play", a: "a", b: "b", m: "match", n: "next", ArrowLeft: "back", ArrowRight: "forth" };

  document.addEventListener("keydown", (event) => {
    const what = KEYS[event.key];
    const typing = event.target.closest("input, textarea, select, summary, audio, [contenteditable]");
    const pressing = event.key === " " && event.target.closest("button, a");
    if (!what || !active || typing || pressing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    active.act(what);
  });
})();
