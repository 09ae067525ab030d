// The time of this small world, and the buttons that move it on.

import { h, icon } from "./dom.js";
import { now, store } from "./store.js";
import { cityOf, clockTime, longDay, refresh } from "./times.js";
import { moveClock } from "./actions.js";
import { hear } from "./notice.js";

const STEPS = [["+2 hours", { hours: 2 }], ["+1 day", { hours: 24 }], ["+1 week", { hours: 168 }], ["Next event", { to: "next" }]];

export class Clock {
  #day; #time; #zone; #note; #small; #shown = "";

  constructor(box, small) {
    this.#small = small;
    this.#day = h("span", { class: "clock-day" });
    this.#time = h("span", { class: "clock-time" });
    this.#zone = h("span", { class: "clock-zone" });
    this.#note = h("p", { class: "clock-note", role: "status" });
    box.append(
      h("div", { class: "clock-face" }, this.#time, h("span", { class: "clock-words" }, this.#day, this.#zone)),
      h("div", { class: "clock-steps", role: "group", "aria-label": "Move the time on" }, STEPS.map(([label, step]) =>
        h("button", { type: "button", class: "step", onclick: (event) => this.#move(event.currentTarget, step) }, label))),
      this.#note);
    setInterval(() => this.draw(), 1000);
  }

  draw() {
    if (!store.ready) return;
    const at = now();
    const shown = `${longDay(at)}, ${clockTime(at)}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#day.textContent = longDay(at);
    this.#time.textContent = clockTime(at);
    this.#zone.textContent = cityOf(store.you.zone);
    this.#small.replaceChildren(icon("clock"), clockTime(at));
    this.#small.setAttribute("aria-label", `It is ${shown}. Move the time on`);
    refresh();
  }

  async #move(button, step) {
    this.#note.textContent = "";
    button.setAttribute("aria-busy", "true");
    const answer = await moveClock(step);
    button.removeAttribute("aria-busy");
    this.draw();
    if (answer.note || answer.error) this.#note.textContent = answer.note ?? answer.error;
    else hear(`It is now ${this.#shown}.`);
  }
}
