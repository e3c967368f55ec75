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
