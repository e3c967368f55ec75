/* Keys of the queue: n takes the most urgent, j and k go down and up, / searches. Inert while somebody types. */
"use strict";

(() => {
  const links = [...document.querySelectorAll("td.what a")];
  const go = (step) => {
    const at = links.indexOf(document.activeElement);
    const next = links[Math.min(links.length - 1, Math.max(0, at + step))];
    if (next) next.focus();
  };
  const KEYS = {
    n: () => document.getElementById("next")?.requestSubmit(),
    j: () => go(1),
    k: () => go(-1),
    "/": () => document.querySelector("[name=q]").focus(),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
})();
