// The list of channels, who one is, and the other people one may be.

import { h, icon, reconcile } from "./dom.js";
import { now, store, waiting } from "./store.js";
import { addressAs, hashOf } from "./route.js";
import { cityOf, clockTime } from "./times.js";
import { avatar } from "./message.js";

const GROUPS = [["Channels", ["open", "staff"]], ["Just for you", ["direct", "room"]]];
const SIGNS = { open: "hash", staff: "lock", direct: null, room: "people" };

export function drawChannels(box, current) {
  reconcile(box, GROUPS.flatMap(([title, kinds]) => {
    const channels = [...store.channels.values()].filter((channel) => kinds.includes(channel.kind));
    return [
      { key: title, sign: "", make: () => h("h2", { class: "side-title" }, title) },
      ...channels.map((channel) => {
        const news = waiting(channel.id);
        const here = channel.id === current;
        return { key: channel.id, sign: [here, news.count, news.threads, channel.name].join(), make: () => drawChannel(channel, here, news) };
      }),
    ];
  }));
}

function drawChannel(channel, here, { count, threads }) {
  const sign = SIGNS[channel.kind];
  return h("a", { class: `channel${count ? " has-news" : ""}`, href: hashOf({ channel: channel.id }), "aria-current": here ? "page" : null, data: { channel: channel.id, focus: channel.id } },
    sign ? icon(sign) : avatar("bounceback", true),
    h("span", { class: "channel-name" }, channel.name),
    count > 0 && h("span", { class: "badge" }, count > 99 ? "99+" : String(count), h("span", { class: "sr-only" }, " unread")),
    !count && threads && h("span", { class: "dot", title: "New in a thread" }, h("span", { class: "sr-only" }, "New in a thread")));
}

export function drawMe(box) {
  const { you } = store;
  const toggle = h("button", { type: "button", class: "me-button", id: "who", "aria-expanded": "false", "aria-controls": "cast" },
    avatar(you.id),
    h("span", { class: "me-words" }, h("span", { class: "me-name" }, you.name), h("span", { class: "me-about" }, "Act as someone else")),
    icon("updown"));
  const cast = h("div", { class: "cast", id: "cast", hidden: true },
    h("p", { class: "cast-title", id: "cast-title" }, "Act as"),
    h("ul", { "aria-labelledby": "cast-title" }, [...store.people.values()].map(drawPerson)),
    h("p", { class: "cast-note" }, "Open a second person in a new tab, and let them answer each other."));
  const set = (open) => {
    for (const link of cast.querySelectorAll("a")) link.href = addressAs(link.dataset.person);
    for (const time of cast.querySelectorAll(".cast-time")) time.textContent = clockTime(now(), time.dataset.zone);
    cast.hidden = !open;
    toggle.setAttribute("aria-expanded", String(open));
  };
  toggle.addEventListener("click", () => set(cast.hidden));
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || cast.hidden) return;
    event.stopPropagation();
    set(false);
    toggle.focus();
  });
  document.addEventListener("pointerdown", (event) => box.contains(event.target) || set(false));
  box.addEventListener("focusout", (event) => event.relatedTarget && !box.contains(event.relatedTarget) && set(false));
  box.replaceChildren(cast, toggle);
}

function drawPerson(person) {
  const me = person.id === store.you.id;
  return h("li", { class: "cast-row" },
    h("a", { class: "cast-link", href: addressAs(person.id), "aria-current": me ? "true" : null, data: { person: person.id } },
      avatar(person.id),
      h("span", { class: "cast-words" },
        h("span", { class: "cast-name" }, person.name, person.role && h("span", { class: "tag" }, person.role)),
        h("span", { class: "cast-about" }, person.about)),
      h("span", { class: "cast-time", data: { zone: person.zone }, title: cityOf(person.zone) })),
    h("a", { class: "icon-button", href: addressAs(person.id), target: "_blank", rel: "noopener", "aria-label": `Open as ${person.name} in a new tab`, title: "Open in a new tab", data: { person: person.id } }, icon("out")));
}
