// What people do here, as calls. The page's parts use these and know no socket.

import { store, where } from "./store.js";
import { newId } from "./socket.js";
import { tab } from "./dom.js";

let line = null;
let changed = () => {};

export function start(toLine, whenChanged) {
  line = toLine;
  changed = whenChanged;
}

const at = ({ channel, thread }) => (thread ? { channel, thread } : { channel });

export function say(place, text) {
  const id = newId();
  store.unsent.set(id, { id, ...at(place), text });
  changed();
  return line.act({ do: "say", id, ...at(place), text });
}

export const command = (place, name, arg, values) => line.act({ do: "command", ...at(place), name, arg, values });

export async function press(message, button) {
  const key = `${message}:${button}`;
  if (store.busy.has(key)) return;
  store.busy.add(key);
  changed();
  await line.act({ do: "press", message, button });
  store.busy.delete(key);
  changed();
}

export function submit(place, form, values) {
  const message = form.message ? { message: form.message } : {};
  return line.act({ do: "submit", ...at(place), ...message, form: form.form, arg: form.arg, values });
}

export async function suggest(place, of, name, option, arg, values) {
  const answer = await line.act({ do: "suggest", ...at(place), of, name, option, arg, values });
  return answer.choices ?? [];
}

export const dismiss = (message) => line.act({ do: "dismiss", message: message.id });
export const moveClock = (step) => line.act({ do: "clock", ...step });

/** Remember what was read, here at once and on the server. */
export function read(channel, thread, upto) {
  const here = where(channel, thread);
  if (upto <= (store.read.get(here) ?? 0)) return;
  store.read.set(here, upto);
  line.act({ do: "read", ...at({ channel, thread }), upto });
}

/** The unfinished words of a place, kept in this tab. */
export const draft = {
  name: (place) => `draft:${store.you.id}:${where(place.channel, place.thread)}`,
  get: (place) => tab.get(draft.name(place)) ?? "",
  set: (place, text) => tab.set(draft.name(place), text || null),
};
