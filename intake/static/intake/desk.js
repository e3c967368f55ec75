/* The desk's small manners: the claim is kept while somebody works, prepared reasons fill the form, filters apply. */
"use strict";

(() => {
  /** Time between two renewals of the claim, in ms: several before it would end. */
  const BEAT = 60_000;

  const csrf = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

  for (const form of document.querySelectorAll("[data-submit-on-change]")) {
    form.addEventListener("change", (event) => {
      if (event.target.type !== "search") form.requestSubmit();
    });
  }

  for (const picker of document.querySelectorAll("[data-fill]")) {
    const field = document.getElementById(picker.dataset.fill);
    picker.addEventListener("change", () => {
      const chosen = picker.selectedOptions[0];
      if (!chosen.value) return;
      field.value = chosen.value;
      const verdict = picker.form.querySelector(`[name=verdict][value="${chosen.dataset.verdict}"]`);
      if (verdict) {
        verdict.checked = true;
        showFitting(picker);
      }
      picker.selectedIndex = 0;
      field.focus();
    });
    picker.form.addEventListener("change", (event) => {
      if (event.target.name === "verdict") showFitting(picker);
    });
    showFitting(picker);
  }

  /** Offer the prepared reasons of the chosen verdict, or all where none is chosen yet. */
  function showFitting(picker) {
    const verdict = picker.form.querySelector("[name=verdict]:checked");
    for (const option of picker.options) {
      option.hidden = Boolean(verdict && option.value && option.dataset.verdict !== verdict.value);
    }
  }

  const claim = document.getElementById("claim");
  if (!claim || !claim.dataset.until) return;

  const words = claim.querySelector("[data-show=claim]");
  const mine = claim.dataset.holder === "me";
  const lead = mine ? "In your hands" : `${words.querySelector("b").textContent} has it in hand`;
  let until = Date.parse(claim.dataset.until);
  let active = true;

  // A page that nobody looks at must not keep others away: the claim is renewed for signs of life only.
  for (const sign of ["pointermove", "pointerdown", "keydown", "wheel"]) {
    document.addEventListener(sign, () => { active = true; }, { passive: true });
  }
  const listening = () => [...document.querySelectorAll("audio")].some((audio) => !audio.paused);

  function show() {
    const seconds = Math.round((until - Date.now()) / 1000);
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

  async function renew() {
    if (!active && !listening()) return;
    active = false;
    let answer;
    try {
      answer = await fetch(claim.dataset.url, {
        method: "POST",
        headers: { "Accept": "application/json", "X-CSRFToken": csrf() },
      });
    } catch {
      return; // no connection now: the countdown goes on, the next beat tries again
    }
    if (answer.redirected) {
      lose("You are logged out.");
    } else if (answer.ok) {
      until = Date.parse((await answer.json()).until);
    } else {
      const { who } = answer.status === 409 ? await answer.json() : {};
      lose(who ? `${who} has it in hand now.` : "It is no longer in review.");
    }
  }

  /** Nothing can be decided from here any more; what was typed stays, to be copied. */
  function lose(why) {
    clearInterval(clock);
    clearInterval(beat);
    words.textContent = `${why} Load the page again.`;
    claim.className = "claim theirs";
    for (const button of document.querySelectorAll("#decide button")) button.disabled = true;
  }

  show();
  const clock = setInterval(show, 1000);
  const beat = mine ? setInterval(renew, BEAT) : undefined;
})();
