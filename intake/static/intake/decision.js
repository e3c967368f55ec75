/* How long a decision can still be taken back. */
"use strict";

(() => {
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
