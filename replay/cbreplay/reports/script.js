"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const key = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
  const missing = (text) => text === "" || text === "–";
  const compare = (one, other, sign) => {
    if (missing(one) || missing(other)) return missing(one) - missing(other); // last, whichever way
    const [a, b] = [Number(one), Number(other)];
    return sign * (Number.isNaN(a) || Number.isNaN(b) ? one.localeCompare(other, undefined, { numeric: true }) : a - b || 0);
  };
  table.tHead.rows[0].querySelectorAll("th").forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...[...body.rows].sort((one, other) => compare(key(one, column), key(other, column), down ? -1 : 1)));
    });
  });
}
const open = () => {
  const named = location.hash.startsWith("#run-") && document.getElementById(location.hash.slice(1));
  if (named) { named.open = true; named.scrollIntoView(); }
};
addEventListener("hashchange", open);
addEventListener("click", (event) => {
  if (event.target.closest?.("a[href^='#run-']")?.hash === location.hash) open(); // the same link once more
});
open();
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const part of closed) part.open = true;
});
addEventListener("afterprint", () => { for (const part of closed) part.open = false; });
