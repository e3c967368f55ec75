/* Shifts the pitch of a sound and keeps its tempo: two read heads run through a short delay at another speed, each fading
   out before it jumps back. `ratio`: frequency out / frequency in. */
"use strict";

/** Length of the delay in seconds: long enough for low notes, short enough for drums. The mean delay is half of it. */
const WINDOW = 0.1;

registerProcessor("pitch-shift", class extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.ratio = processorOptions.ratio;
    this.window = Math.round(WINDOW * sampleRate);
    this.size = 1 << Math.ceil(Math.log2(this.window + 256));
    this.rings = [];
    this.written = 0;
    this.phase = 0;
  }

  process([input], [output]) {
    const frames = output[0].length;
    for (let channel = 0; channel < output.length; channel++) {
      const ring = (this.rings[channel] ||= new Float32Array(this.size));
      const source = input[channel] || input[0];
      for (let n = 0; n < frames; n++) ring[(this.written + n) & (this.size - 1)] = source ? source[n] : 0;
    }
    const step = (1 - this.ratio) / this.window;
    for (let n = 0; n < frames; n++) {
      for (const shift of [0, 0.5]) {
        const phase = (this.phase + shift) % 1;
        const place = this.written + n - phase * this.window + this.size;
        const whole = Math.floor(place), part = place - whole;
        const gain = Math.sin(Math.PI * phase) ** 2; // both heads together: 1
        for (let channel = 0; channel < output.length; channel++) {
          const ring = this.rings[channel];
          const one = ring[whole & (this.size - 1)], next = ring[(whole + 1) & (this.size - 1)];
          output[channel][n] += gain * (part ? one + (next - one) * part : one);
        }
      }
      this.phase = (this.phase + step + 1) % 1;
    }
    this.written = (this.written + frames) % (this.size * 1024);
    return true;
  }
});
