// Where this window is: `#/channel/thread/message`, so that a link leads back to it. The person is `?as=`.

import { store } from "./store.js";
import { tab } from "./dom.js";

/** Who one is on a first visit. */
export const FIRST = "ada";

/** Who this tab acts as: the link decides, then what the tab was before. */
export function whoAmI() {
  const asked = new URLSearchParams(location.search).get("as");
  const person = asked || tab.get("as") || FIRST;
  tab.set("as", person);
  if (asked !== person) history.replaceState(null, "", addressAs(person));
  return person;
}

/** The link to the same place as somebody else. */
export const addressAs = (person) => `?as=${encodeURIComponent(person)}${location.hash}`;

export function hashOf({ channel, thread, message }) {
  const parts = [channel, thread ?? "", message ?? ""].map((part) => encodeURIComponent(part).replace(/%3A/g, ":"));
  while (parts.at(-1) === "") parts.pop();
  return `#/${parts.join("/")}`;
}

/** The place in the address, as far as this person may be there. */
export function here() {
  let parts = [];
  try { parts = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent); } catch { /* not ours */ }
  const [channel, thread, message] = parts;
  const first = store.channels.keys().next().value;
  if (!store.channels.has(channel)) return { channel: first, thread: null, message: null, refused: Boolean(channel) };
  const root = store.messages.get(Number(thread));
  const open = root && root.channel === channel && !root.thread && !root.private;
  return { channel, thread: open ? root.id : null, message: Number(message) || null, refused: false };
}

export function go(place) {
  const hash = hashOf(place);
  if (location.hash === hash) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = hash;
}
