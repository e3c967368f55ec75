/* The desk's small manners: the claim is kept while somebody works, prepared reasons fill the form, filters apply. */
"use strict";

/* Prepared reasons. Only those of the chosen verdict are in the list, none before a verdict is chosen, and none changes it.
   A key moves through the list and applies nothing before Enter; a pointer applies what it picks. */
class ReasonTemplates {
  constructor(picker) {
    this.picker = picker;
    this.form = picker.form;
    this.field = document.getElementById(picker.dataset.fill);
    this.empty = picker.options[0];
    this.prompt = this.empty.textContent;
    this.groups = [...picker.children].filter((one) => one !== this.empty);
    this.options = new Map(this.groups.map((group) => [group, [...group.querySelectorAll("option")]]));
    /** What a template has put into the field: only that may be replaced. */
    this.applied = "";
    this.byKey = false;
    picker.addEventListener("keydown", (event) => this.key(event));
    picker.addEventListener("pointerdown", () => { this.byKey = false; });
    picker.addEventListener("blur", () => this.reset());
    picker.addEventListener("change", (event) => {
      event.stopPropagation();
      if (!this.byKey) this.apply();
    });
    this.form.addEventListener("change", (event) => { if (event.target.name === "verdict") this.offer(); });
    this.offer();
  }

  get verdict() { return this.form.querySelector("[name=verdict]:checked")?.value || ""; }

  /** Put the templates of the chosen verdict into the list, and take all others out of it. */
  offer() {
    const fits = (option) => option.dataset.verdict === this.verdict;
    const groups = this.groups.filter((group) => {
      if (group.tagName === "OPTION") return fits(group);
      group.replaceChildren(...this.options.get(group).filter(fits));
      return group.children.length > 0;
    });
    this.empty.textContent = this.verdict ? this.prompt : "choose a verdict first…";
    this.picker.replaceChildren(this.empty, ...groups);
    this.reset();
  }

  reset() {
    this.picker.selectedIndex = 0;
    this.byKey = false;
  }

  key(event) {
    this.byKey = true;
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.apply();
  }

  apply() {
    const { value, dataset } = this.picker.selectedOptions[0];
    if (!value || dataset.verdict !== this.verdict) return;
    const typed = this.field.value.trim();
    this.field.value = typed && typed !== this.applied ? `${typed}\n\n${value}` : value;
    this.applied = value.trim();
    for (const name of ["code", "language"]) {
      const other = this.form.elements[name];
      if (other && dataset[name]) other.value = dataset[name];
    }
    this.reset();
    this.field.focus();
  }
}

(() => {
  /** Time between two signs of life, in ms: several before the claim would end. */
  const BEAT = 25_000;

  const csrf = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

  for (const form of document.querySelectorAll("[data-submit-on-change]")) {
    form.addEventListener("change", (event) => {
      if (event.target.type !== "search") form.requestSubmit();
    });
  }

  for (const picker of document.querySelectorAll("[data-fill]")) new ReasonTemplates(picker);

  const claim = document.getElementById("claim");
  if (!claim) return;

  const words = claim.querySelector("[data-show=claim]");
  const watching = claim.querySelector("[data-show=watching]");
  const mine = claim.dataset.holder === "me";
  let until = claim.dataset.until ? Date.parse(claim.dataset.until) : 0;
  let holder = mine ? "me" : words?.querySelector("b")?.textContent || "";
  let active = true;
  let over = false;
  /** Nothing was heard of this page yet: what its predecessor gave back in going is taken up again. */
  let fresh = true;
  /** A form of this page leads back to it. */
  let staying = false;

  // A page that nobody looks at must not keep others away: the claim is renewed for signs of life only.
  for (const sign of ["pointermove", "pointerdown", "keydown", "wheel"]) {
    document.addEventListener(sign, () => { active = true; }, { passive: true });
  }
  const listening = () => [...document.querySelectorAll("audio")].some((audio) => !audio.paused);

  function show() {
    if (!words || !until || over) return;
    const seconds = Math.round((until - Date.now()) / 1000);
    const lead = mine ? "In your hands" : `${holder} has it in hand`;
    if (seconds > 0) {
      const rest = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      words.textContent = `${lead} for ${rest}`;
    } else if (mine) {
      words.textContent = "Your claim has ended. Deciding claims it again, unless somebody else did.";
    } else {
      words.textContent = "The claim has ended. Load the page again to take it.";
    }
    claim.classList.toggle("ended", seconds <= 0);
  }

  const letter = (values) => {
    const form = new FormData();
    form.append("csrfmiddlewaretoken", csrf());
    for (const [key, value] of Object.entries(values)) form.append(key, value);
    return form;
  };

  /** Say that somebody is here, and hear who else is, and who has it in hand. */
  async function live() {
    if (over || document.visibilityState === "hidden" && !listening()) return;
    const alive = active || listening();
    active = false;
    let answer;
    try {
      const signs = { ...(alive && { active: "1" }), ...(fresh && mine && { fresh: "1" }) };
      answer = await fetch(claim.dataset.beat, { method: "POST", body: letter(signs) });
      fresh = false;
    } catch {
      return; // no connection now: the countdown goes on, the next beat tries again
    }
    if (answer.redirected || !answer.ok) {
      lose("You are logged out.");
      return;
    }
    const { who, mine: held, until: then, watching: others, sequence, state } = await answer.json();
    watching.hidden = !others.length;
    watching.querySelector("b").textContent = others.join(", ");
    if (words && (state !== "in_review" || String(sequence) !== claim.dataset.sequence)) {
      lose(state === "in_review" ? "It has changed meanwhile." : `It is ${state.replace("_", " ")} now.`);
    } else if (who && !held && mine) {
      lose(`${who} has it in hand now.`);
    } else if (who) {
      until = Date.parse(then);
      holder = held ? "me" : who;
      if (!mine && !held && words) claim.className = "claim theirs";
      show();
    }
  }

  /** Nothing can be decided from here any more; what was typed stays, to be copied. */
  function lose(why) {
    over = true;
    if (words) words.textContent = `${why} Load the page again.`;
    claim.className = "claim theirs";
    for (const button of document.querySelectorAll("#decide button")) button.disabled = true;
  }

  // Whoever goes away gives back what was in hand; the lease ends by itself where this is never heard.
  document.addEventListener("submit", (event) => { staying = event.target.id !== "next"; });
  window.addEventListener("pagehide", () => {
    navigator.sendBeacon(claim.dataset.leave, letter(mine && !over && !staying ? { held: "1" } : {}));
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });

  show();
  live();
  setInterval(show, 1000);
  setInterval(live, BEAT);
})();
