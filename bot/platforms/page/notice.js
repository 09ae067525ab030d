// Short words that are not messages: on screen for a while, and read out.

import { h, icon } from "./dom.js";

const STAYS = 9000;

/** Show a line at the edge of the page until it is dismissed or has had its time. */
export function notice(text) {
  const box = h("div", { class: "notice" }, icon("alert"), h("p", {}, text),
    h("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: () => box.remove() }, icon("close")));
  const notices = document.getElementById("notices");
  notices.replaceChildren(box);
  setTimeout(() => box.remove(), STAYS);
}

/** Read a line out to those who listen to the page. */
export function hear(text) {
  const heard = document.getElementById("heard");
  heard.append(h("p", {}, text.slice(0, 300)));
  while (heard.childElementCount > 5) heard.firstChild.remove();
}
