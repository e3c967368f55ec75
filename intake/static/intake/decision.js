/* The decision's form: a prepared reason brings its ground and its language; what can be taken back says for how long. */
"use strict";

(() => {
  for (const picker of document.querySelectorAll("[data-fill]")) {
    // Before the desk's own listener puts the picker back to its first line.
    picker.addEventListener("change", () => {
      const { code, language } = picker.selectedOptions[0].dataset;
      const set = (name, value) => {
        const field = picker.form.elements[name];
        if (field && value) field.value = value;
      };
      set("code", code);
      set("language", language);
    }, { capture: true });
  }

  for (const form of document.querySelectorAll("[data-undo]")) {
    const ends = Date.parse(form.dataset.since) + Number(form.dataset.undo) * 1000;
    const rest = form.querySelector("[data-show=rest]");
    const show = () => {
      const seconds = Math.ceil((ends - Date.now()) / 1000);
      if (seconds > 0) {
        rest.textContent = `(${seconds} s)`;
      } else {
        clearInterval(clock);
        form.remove();
      }
    };
    const clock = setInterval(show, 500);
    show();
  }
})();
