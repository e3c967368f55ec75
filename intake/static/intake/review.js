/* The review page's tabs: without this script all panels stand one below the other. */
"use strict";

(() => {
  for (const root of document.querySelectorAll("[data-tabs]")) {
    const list = root.querySelector(".tabs");
    const tabs = [...list.querySelectorAll("a")].filter((tab) => document.getElementById(tab.hash.slice(1)));
    const panel = (tab) => document.getElementById(tab.hash.slice(1));
    list.setAttribute("role", "tablist");

    function open(wanted, focus = false) {
      for (const tab of tabs) {
        const chosen = tab === wanted;
        tab.setAttribute("aria-selected", String(chosen));
        tab.tabIndex = chosen ? 0 : -1;
        panel(tab).hidden = !chosen;
      }
      if (focus) wanted.focus();
    }

    for (const tab of tabs) {
      tab.setAttribute("role", "tab");
      tab.id ||= `tab-${tab.hash.slice(1)}`;
      tab.setAttribute("aria-controls", tab.hash.slice(1));
      panel(tab).setAttribute("role", "tabpanel");
      panel(tab).setAttribute("aria-labelledby", tab.id);
      panel(tab).tabIndex = 0;
      tab.addEventListener("click", (event) => { event.preventDefault(); open(tab); });
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        event.stopPropagation();
        open(tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length], true);
      });
    }
    open(tabs.find((tab) => "first" in tab.dataset) || tabs[0]);
  }
})();

/* One key for each thing that is done a hundred times a day; nothing happens while somebody types. */
(() => {
  const help = document.getElementById("help");
  const decide = document.getElementById("decide");

  function verdict(value) {
    const choice = decide?.querySelector(`[name=verdict][value="${value}"]`);
    if (!choice || choice.matches(":disabled")) return;
    choice.checked = true;
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    document.getElementById("reason").focus();
  }

  function into(id) {
    const field = document.getElementById(id);
    if (!field) return;
    field.closest("details")?.setAttribute("open", "");
    field.focus();
  }

  function tab(step) {
    const tabs = [...document.querySelectorAll("[role=tab]")];
    const now = tabs.findIndex((one) => one.getAttribute("aria-selected") === "true");
    tabs[(now + step + tabs.length) % tabs.length]?.click();
  }

  const listen = (what) => () => window.deskEars?.act(what);
  const KEYS = {
    " ": listen("play"), a: listen("a"), b: listen("b"), x: listen("switch"), m: listen("match"), n: listen("next"),
    ArrowLeft: listen("back"), ArrowRight: listen("forth"),
    1: () => verdict("approve"), 2: () => verdict("label"), 3: () => verdict("return"), 4: () => verdict("reject"),
    r: () => into("reason"), w: () => into("note"), c: () => document.querySelector("[data-key=c]")?.click(),
    t: () => tab(1), T: () => tab(-1),
    ".": () => document.getElementById("next")?.requestSubmit(),
    "?": () => (help.open ? help.close() : help.showModal()),
  };

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
    if (event.key === "Escape" && typing) {
      event.target.blur();
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && decide) {
      event.preventDefault();
      decide.requestSubmit();
      return;
    }
    const native = event.target.closest("audio") || (event.key === " " && event.target.closest("button, a, summary, input"));
    if (typing || native || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    if (help?.open && event.key !== "?") return;
    event.preventDefault();
    KEYS[event.key]();
  });

  document.querySelector("[data-help]")?.addEventListener("click", () => help.showModal());
  help?.querySelector("button")?.addEventListener("click", () => help.close());
})();
