// What cards are made of: strings, times, names, links into the chat, quotes. All of it as plain text.

import { h } from "./dom.js";
import { nameOf } from "./store.js";
import { hashOf } from "./route.js";
import { say } from "./times.js";

/** The nodes of a text. Line breaks beside a quote are its own: as a block it brings them. */
export function draw(parts) {
  return parts.map((part, index) => {
    if (typeof part !== "string") return drawPart(part);
    let text = part;
    if (parts[index + 1]?.quote !== undefined) text = text.replace(/\n{1,2}$/, "");
    if (parts[index - 1]?.quote !== undefined) text = text.replace(/^\n{1,2}/, "");
    return text;
  });
}

function drawPart(part) {
  if ("when" in part) {
    const at = Date.parse(part.when);
    const loose = part.style === "relative";
    const data = loose ? { relative: "" } : {};
    return h("time", { datetime: part.when, title: loose ? say(at, "moment") : null, data }, say(at, part.style));
  }
  if ("person" in part) return h("bdi", { class: "person" }, nameOf(part.person));
  if ("jump" in part) return h("a", { class: "jump", href: hashOf(part), data: { focus: hashOf(part) } }, part.jump);
  return h("blockquote", { dir: "auto" }, part.quote);
}

/** The same as characters alone, to be read out. */
export function plain(parts) {
  return parts.map((part) => {
    if (typeof part === "string") return part;
    if ("when" in part) return say(Date.parse(part.when), part.style);
    return part.quote ?? part.jump ?? nameOf(part.person);
  }).join("");
}

/** Everything readable on a message, in one line. */
export function readable(message) {
  if (message.text !== undefined) return message.text;
  if (message.room) return `${message.room.title} was opened.`;
  const { card } = message;
  if (!card) return "";
  const facts = card.fields.map((fact) => `${fact.name}: ${plain(fact.value)}`);
  return [card.title, plain(card.text), ...facts, card.image?.alt].filter(Boolean).join(". ");
}
