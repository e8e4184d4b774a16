"use strict";
(() => {
  const about = document.getElementById("about");
  const rows = new Map();
  for (const row of document.querySelectorAll("tr[data-of]")) {
    if (!rows.has(row.dataset.of)) rows.set(row.dataset.of, row);
  }
  let shown = "";
  function show(name) {
    if (name === shown) return;
    for (const x of document.querySelectorAll(".same")) x.classList.remove("same");
    shown = name;
    const row = rows.get(name);
    about.hidden = !row;
    if (!name) return;
    for (const x of document.querySelectorAll("[data-s]")) {
      if (x.dataset.s === name) x.classList.add("same");
    }
    if (!row) return;
    about.replaceChildren();
    for (const cell of row.cells) {
      const part = document.createElement("span");
      part.append(...[...cell.childNodes].map((n) => n.cloneNode(true)), " \u2002");
      about.append(part);
    }
  }
  const named = (e) => e.target.closest ? e.target.closest("[data-s]") : null;
  document.addEventListener("pointerover", (e) => {
    if (e.pointerType === "mouse") show(named(e) ? named(e).dataset.s : "");
  });
  document.addEventListener("click", (e) => show(named(e) ? named(e).dataset.s : ""));
  document.addEventListener("keydown", (e) => { if (e.key === "Escape") show(""); });

<% include "copying.js" %>
  for (const formula of document.querySelectorAll("[data-copied]")) {
    const row = document.createElement("span");
    row.className = "copy";
    for (const [kind, text] of JSON.parse(formula.dataset.copied)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = kind;
      button.setAttribute("aria-label", `Copy as ${kind}`);
      button.addEventListener("click", async () => {
        await put(text);
        button.textContent = "copied";
        setTimeout(() => { button.textContent = kind; }, 1200);
      });
      row.append(button);
    }
    formula.append(row);
  }
  addEventListener("beforeprint", () => {
    for (const d of document.querySelectorAll("details")) d.open = true;
  });
})();
