// What this window knows: people, channels, messages, and how far was read. Filled by the server's frames.

export const store = {
  ready: false, name: "", you: null, limit: 4000, commands: [],
  people: new Map(), channels: new Map(), messages: new Map(), read: new Map(),
  tops: new Map(), replies: new Map(), // sorted lists, by channel and by root
  unsent: new Map(), // what was said here and is not in the chat yet, by action id
  busy: new Set(), // pressed buttons that wait for their answer
  clock: { now: 0, at: 0, speed: 1 },
};

let version = 0;

/** Take one frame in; gives the messages that are new to a window that was ready before. */
export function take(frame) {
  switch (frame.type) {
    case "state": return takeState(frame);
    case "message": {
      const known = store.messages.has(frame.message.id);
      place(frame.message);
      return known || frame.message.gone ? [] : [frame.message];
    }
    case "channel": store.channels.set(frame.channel.id, frame.channel); return [];
    case "read": store.read.set(frame.where, frame.upto); return [];
    case "clock": store.clock = { ...store.clock, now: Date.parse(frame.now), at: performance.now() }; return [];
    default: return [];
  }
}

function takeState(frame) {
  const before = store.ready ? new Set(store.messages.keys()) : null;
  store.name = frame.name;
  store.limit = frame.limit;
  store.commands = frame.commands;
  store.people = new Map(frame.people.map((person, index) => [person.id, { ...person, index }]));
  store.channels = new Map(frame.channels.map((channel) => [channel.id, channel]));
  store.read = new Map(Object.entries(frame.read));
  store.you = store.people.get(frame.you);
  store.clock = { now: Date.parse(frame.now), at: performance.now(), speed: frame.speed };
  for (const kept of [store.messages, store.tops, store.replies]) kept.clear();
  for (const message of frame.messages) place(message);
  store.ready = true;
  return before ? frame.messages.filter((message) => !before.has(message.id)) : [];
}

/** Put a message where it belongs, in place of its older self. */
function place(message) {
  message.version = ++version;
  message.time = Date.parse(message.at);
  store.messages.set(message.id, message);
  if (message.said) store.unsent.delete(message.said);
  const [lists, where] = message.thread ? [store.replies, message.thread] : [store.tops, message.channel];
  if (!lists.has(where)) lists.set(where, []);
  const list = lists.get(where);
  let index = list.length;
  while (index > 0 && list[index - 1].id > message.id) index--;
  if (list[index - 1]?.id === message.id) list[index - 1] = message;
  else list.splice(index, 0, message);
}

/** The messages of a channel itself. A deleted one stays only while others hang under it. */
export function tops(channel) {
  return (store.tops.get(channel) ?? []).filter((message) => !message.gone || replies(message.id).length);
}

/** The messages of a thread that are not deleted. */
export function replies(root) {
  return (store.replies.get(root) ?? []).filter((message) => !message.gone);
}

export const where = (channel, thread) => (thread ? `${channel}/${thread}` : channel);

/** How many messages of a list this person has not seen. */
export function unseen(list, at) {
  const mark = store.read.get(at) ?? 0;
  return list.filter((message) => message.id > mark && message.author !== store.you.id && !message.gone).length;
}

/** What waits in a channel: `count` in itself, `threads` in threads that were looked at before. */
export function waiting(channel) {
  const list = tops(channel);
  const threads = list.some((root) => store.read.has(where(channel, root.id)) && unseen(replies(root.id), where(channel, root.id)));
  return { count: unseen(list, channel), threads };
}

/** The bot's present, as milliseconds. */
export function now() {
  return store.clock.now + (performance.now() - store.clock.at) * store.clock.speed;
}

/** How somebody is called here. */
export function nameOf(id) {
  if (id === "bounceback") return "Bounceback";
  return store.people.get(id)?.name ?? "Someone";
}

/** A channel's name as people say it. */
export function channelTitle(channel) {
  return channel.kind === "open" || channel.kind === "staff" ? `#${channel.name}` : channel.name;
}
