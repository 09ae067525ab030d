// What stands above a channel's first message: where one is, and, in an empty community, what to try.

import { h, icon } from "./dom.js";
import { channelTitle, store } from "./store.js";

const TRY = ["rejected", "help", "privacy"];

/** The head of a channel, as an item of its list; `write` puts words into the composer. */
export function intro(channel, empty, write) {
  if (empty && channel.id === "support") return { key: "intro", sign: `welcome ${store.commands.length}`, make: () => welcome(write) };
  return { key: "intro", sign: `${channel.id} ${empty}`, make: () => head(channel, empty) };
}

function head(channel, empty) {
  const sign = { open: "hash", staff: "lock", room: "people" }[channel.kind];
  return h("li", { class: "intro" },
    sign ? h("span", { class: "intro-sign" }, icon(sign)) : h("img", { class: "intro-sign", src: "/page/icon.svg", alt: "" }),
    h("p", { class: "intro-name" }, channel.kind === "direct" ? "You and Bounceback" : channelTitle(channel)),
    h("p", { class: "intro-topic" }, channel.topic),
    empty && h("p", { class: "intro-empty" }, channel.kind === "direct" ? "Reminders and quiet words will come here." : "Nothing here yet. That's fine."));
}

function welcome(write) {
  const known = TRY.map((name) => store.commands.find((command) => command.name === name)).filter(Boolean);
  return h("li", { class: "intro welcome" },
    h("img", { class: "intro-sign", src: "/page/icon.svg", alt: "" }),
    h("p", { class: "intro-name" }, "You're not alone here."),
    h("p", { class: "intro-topic" }, "This is a small practice community on your own machine. When a no arrives, Bounceback brings people and, over the next days, a gentle next step. Nothing you write leaves it."),
    known.length > 0 && h("p", { class: "welcome-try" }, "Good to try first:"),
    h("ul", { class: "welcome-list" }, known.map((command) => h("li", {},
      h("button", { type: "button", class: "welcome-command", onclick: () => write(`/${command.name}`) },
        h("span", { class: "completion-name" }, `/${command.name}`), h("span", { class: "completion-detail" }, command.description))))),
    h("p", { class: "welcome-more" }, "Then move the clock on to see what happens in the days after. You can also act as someone else, and answer."));
}
