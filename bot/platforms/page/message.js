// One message: who, when, what, and what can be done with it.

import { h, icon } from "./dom.js";
import { nameOf, replies, store, unseen, where } from "./store.js";
import { hashOf } from "./route.js";
import { draw, plain } from "./text.js";
import { clockTime, say } from "./times.js";
import { dismiss, press } from "./actions.js";

/** A person's initial on their own colour; the bot's own sign. */
export function avatar(id, small = false) {
  const size = small ? "avatar small" : "avatar";
  if (id === "bounceback") return h("img", { class: `${size} bot`, src: "/page/icon.svg", alt: "" });
  const person = store.people.get(id);
  return h("span", { class: size, "aria-hidden": "true", data: { hue: String((person?.index ?? 0) % 7) } }, (person?.name ?? "?").slice(0, 1));
}

/** What a message's looks depend on, beside its place in the list. */
export function signOf(message, inThread) {
  const under = inThread ? [] : replies(message.id);
  const busy = [...store.busy].filter((each) => each.startsWith(`${message.id}:`));
  return [message.version, under.length, under.at(-1)?.id, store.read.get(where(message.channel, message.id)), ...busy].join();
}

/** A message as a list item; `grouped` follows one of the same author, `inThread` is inside the panel. */
export function drawMessage(message, { grouped, inThread }) {
  if (message.room) return h("li", { class: "said-line" }, icon("lock"), `This room was opened for ${people(message.room.members)}.`);
  const author = nameOf(message.author);
  const time = clockTime(message.time);
  const head = h("div", { class: "message-head" },
    h("bdi", { class: "author" }, author),
    message.author === "bounceback" && h("span", { class: "tag" }, "bot"),
    store.people.get(message.author)?.role && h("span", { class: "tag" }, store.people.get(message.author).role),
    h("time", { datetime: message.at, title: say(message.time, "moment") }, time));
  const marked = message.private && !isDirect(message);
  return h("li", { class: `message${grouped ? " grouped" : ""}${message.private ? " private" : ""}`, data: { id: message.id }, tabindex: "-1" },
    h("div", { class: "margin" }, grouped ? h("time", { class: "margin-time", datetime: message.at, "aria-hidden": "true" }, time) : avatar(message.author)),
    h("div", { class: "message-body" },
      grouped ? h("span", { class: "sr-only" }, `${author}, ${time}`) : head,
      message.private && h("p", { class: "private-mark" }, marked && icon("hidden"), marked && "Only you can see this",
        h("button", { type: "button", class: "text-button", data: { focus: "dismiss" }, onclick: () => dismiss(message) }, "Dismiss")),
      content(message),
      !inThread && threadLink(message)),
    !inThread && !message.private && !message.gone && !isDirect(message) && h("div", { class: "tools" },
      h("a", { class: "icon-button", href: hashOf({ channel: message.channel, thread: message.id }), "aria-label": `Reply to ${author} in a thread`, title: "Reply in a thread", data: { focus: "reply" } }, icon("reply"))));
}

const isDirect = (message) => store.channels.get(message.channel)?.kind === "direct";

function people(ids) {
  const names = ids.map((id) => (id === store.you.id ? "you" : nameOf(id)));
  return [...names, "Bounceback"].join(", ").replace(/, ([^,]*)$/, " and $1");
}

function content(message) {
  if (message.gone) return h("p", { class: "quiet" }, "This message was deleted.");
  if (message.text !== undefined) return h("p", { class: "said", dir: "auto" }, message.text);
  return drawCard(message);
}

/** Whether a card says one calm thing and nothing else: then it needs no frame. */
const isBare = (card) => card.tone === "calm" && !card.title && !card.fields.length && !card.buttons.length && !card.image;

/** Whether a message looks like plain words. */
export const isWords = (message) => message.text !== undefined || Boolean(message.card && isBare(message.card));

function drawCard({ id, card }) {
  const bare = isBare(card);
  return h("div", { class: `card tone-${card.tone}${bare ? " bare" : ""}` },
    card.title && h("h3", { dir: "auto" }, card.title),
    card.text.length > 0 && h("div", { class: "said", dir: "auto" }, ...draw(card.text)),
    card.fields.length > 0 && h("dl", { class: "facts" }, card.fields.map((fact) =>
      h("div", { class: plain(fact.value).length > 40 ? "wide" : null }, h("dt", { dir: "auto" }, fact.name), h("dd", { dir: "auto" }, ...draw(fact.value))))),
    card.image && h("img", { class: "picture", src: `${card.image.src}&as=${store.you.id}`, alt: card.image.alt, loading: "lazy" }),
    card.buttons.length > 0 && h("div", { class: "buttons" }, card.buttons.map((button) => drawButton(id, button))));
}

function drawButton(id, button) {
  const busy = store.busy.has(`${id}:${button.id}`);
  return h("button", { type: "button", class: `button ${button.style}`, "aria-busy": busy ? "true" : null, data: { focus: button.id, button: button.id }, onclick: () => press(id, button.id) }, button.label || button.id);
}

function threadLink(message) {
  const under = replies(message.id).filter((reply) => !reply.private);
  if (!under.length && !message.title) return null;
  const at = where(message.channel, message.id);
  const fresh = store.read.has(at) ? unseen(under, at) : 0;
  const faces = [...new Set(under.map((reply) => reply.author))].slice(-3);
  const last = under.at(-1);
  return h("a", { class: "thread-link", href: hashOf({ channel: message.channel, thread: message.id }), data: { focus: "thread" } },
    h("span", { class: "faces" }, faces.map((id) => avatar(id, true))),
    h("span", { class: "count" }, under.length === 0 ? "Open the thread" : under.length === 1 ? "1 reply" : `${under.length} replies`),
    fresh > 0 && h("span", { class: "fresh" }, `${fresh} new`),
    last && h("time", { class: "quiet", datetime: last.at, data: { relative: "" } }, say(last.time, "relative")));
}
