// Instants as the acting person reads them: in their zone, whatever zone this machine is in.

import { now, store } from "./store.js";

const STYLES = {
  day: { weekday: "short", day: "numeric", month: "long" },
  time: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  long: { weekday: "long", day: "numeric", month: "long" },
  date: { year: "numeric", month: "2-digit", day: "2-digit" },
};
const UNITS = [["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
const formats = new Map();
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** A format is dear to make, so each is made once per zone. */
function format(style, zone = store.you.zone) {
  const key = `${style} ${zone}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat("en-GB", { ...STYLES[style], timeZone: zone }));
  return formats.get(key);
}

export const clockTime = (at, zone) => format("time", zone).format(at);
export const longDay = (at, zone) => format("long", zone).format(at).replace(",", "");
/** A key that is the same for all instants of one local date. */
export const dateKey = (at) => format("date").format(at);
export const cityOf = (zone) => zone.split("/").at(-1).replaceAll("_", " ");

/** An instant in one of the card's styles: `day`, `time`, `moment`, `relative`. */
export function say(at, style) {
  if (style === "time") return clockTime(at);
  if (style === "day") return format("day").format(at).replace(",", "");
  if (style === "moment") return `${say(at, "day")}, ${clockTime(at)}`;
  const seconds = (at - now()) / 1000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return seconds > 5 ? "in a moment" : "just now"; // clocks differ by a blink
}

/** Bring every "in 3 days" on the page up to date. */
export function refresh(root = document) {
  for (const element of root.querySelectorAll("time[data-relative]")) {
    const said = say(Date.parse(element.dateTime), "relative");
    if (element.textContent !== said) element.textContent = said;
  }
}
