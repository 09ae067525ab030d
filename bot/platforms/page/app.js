// Puts the page together: frames in, everything drawn anew where it changed.

import { h, icon, phone } from "./dom.js";
import { Line } from "./socket.js";
import { channelTitle, nameOf, replies, store, take, tops, waiting } from "./store.js";
import { addressAs, FIRST, go, here, whoAmI } from "./route.js";
import { readable } from "./text.js";
import { start } from "./actions.js";
import { Feed } from "./feed.js";
import { Composer } from "./composer.js";
import { Clock } from "./clock.js";
import { drawChannels, drawMe } from "./sidebar.js";
import { intro } from "./welcome.js";
import { lineChanged, showForm } from "./form.js";
import { drawMessage, signOf } from "./message.js";
import { hear, notice } from "./notice.js";
import { setUpDrawer, setUpTheme } from "./chrome.js";

const $ = (id) => document.getElementById(id);
const feed = new Feed($("feed"));
const threadFeed = new Feed($("thread-feed"), { inThread: true });
const composer = new Composer($("compose"), "write", () => feed.toEnd());
const threadComposer = new Composer($("thread-compose"), "write-thread", () => threadFeed.toEnd());
const clock = new Clock($("clock"), $("top-clock"));
const drawer = setUpDrawer();
setUpTheme($("theme"));
$("close-thread").append(icon(phone.matches ? "back" : "close"));

let place = null;
let drawing = false;

/** Draw once for any number of changes. Not in an animation frame: those stop in a hidden tab. */
function redraw() {
  if (drawing) return;
  drawing = true;
  queueMicrotask(() => {
    drawing = false;
    if (store.ready) draw();
  });
}

function draw() {
  const channel = store.channels.get(place.channel);
  drawChannels($("channels"), channel.id);
  $("channel-name").textContent = channelTitle(channel);
  $("channel-topic").textContent = channel.topic;
  const messages = tops(channel.id);
  feed.show({ channel: channel.id, thread: null }, messages, {
    above: [intro(channel, messages.length === 0, (text) => composer.write(text))],
    reach: place.message,
  });
  composer.show({ channel: channel.id, thread: null });
  drawThread(channel);
  clock.draw();
  const unread = [...store.channels.keys()].reduce((sum, id) => sum + waiting(id).count, 0);
  document.title = `${unread ? `(${unread}) ` : ""}${channelTitle(channel)} · ${store.name}`;
  drawer.news(unread > 0);
}

function drawThread(channel) {
  const root = place.thread && store.messages.get(place.thread);
  $("thread").hidden = !root;
  $("frame").classList.toggle("with-thread", Boolean(root));
  $("main").inert = Boolean(root) && phone.matches;
  if (!root) return;
  $("thread-name").textContent = root.title || "Thread";
  $("thread-place").textContent = `in ${channelTitle(channel)}`;
  const under = replies(root.id);
  const public_ = under.filter((message) => !message.private).length;
  const above = [
    { key: `root ${root.id}`, sign: signOf(root, true), make: () => drawMessage(root, { grouped: false, inThread: true }) },
    { key: "rule", sign: String(public_), make: () => h("li", { class: "replies-rule" }, h("span", {}, public_ === 0 ? "No replies yet" : public_ === 1 ? "1 reply" : `${public_} replies`)) },
  ];
  threadFeed.show({ channel: channel.id, thread: root.id }, under, { above, root, reach: place.message });
  threadComposer.show({ channel: channel.id, thread: root.id });
}

/** Follow the address: another channel, a thread, a message to point out. */
function moved() {
  if (!store.ready) return;
  const before = place;
  place = here();
  if (place.refused) {
    if (before) notice(`That place isn't open to ${store.you.name}.`);
    history.replaceState(null, "", `${location.search}#/${place.channel}`);
  }
  drawer.close();
  draw();
  if (place.message) {
    const list = place.thread ? threadFeed : feed;
    if (!list.reveal(place.message) && !feed.reveal(place.message)) notice("That message isn't there any more.");
  } else if (before && place.thread && before.thread !== place.thread) threadComposer.focus();
  else if (before && before.channel !== place.channel && !phone.matches) composer.focus();
}

function heard(frame) {
  const first = !store.ready;
  const fresh = take(frame);
  if (first && store.ready) {
    $("starting").remove();
    $("frame").hidden = false;
    $("community").textContent = store.name;
    drawMe($("me"));
    moved();
    if (!phone.matches) composer.focus();
  }
  if (frame.type === "error" && first) return unknownPerson();
  if (frame.type === "error") notice("The page said something the server didn't understand. Reloading it should help.");
  if (frame.type === "state" && !first && !store.channels.has(place.channel)) moved();
  for (const message of fresh) {
    const open = message.channel === place.channel && (!message.thread || message.thread === place.thread);
    if (open && message.author !== store.you.id) hear(`${nameOf(message.author)}: ${readable(message)}`);
  }
  redraw();
}

/** The link named somebody who does not live here: begin as somebody who does. */
function unknownPerson() {
  if (line.person !== FIRST) location.replace(addressAs(FIRST));
}

/** What every answer may bring, also one to an action of before a reload. */
function settled(action, answer) {
  if (action.do === "say") {
    const unsent = store.unsent.get(action.id);
    if (unsent && answer.error) unsent.error = answer.error;
    else store.unsent.delete(action.id);
  } else if (answer.error && action.do !== "submit" && action.do !== "clock") notice(answer.error);
  if (answer.open) showForm(answer.open, { channel: action.channel ?? place.channel, thread: action.thread ?? null });
  redraw();
}

function status(connected) {
  $("connection").replaceChildren(...(connected ? [] : [h("span", { class: "pulse" }), "Reconnecting. What you type is kept, and sent when we're back."]));
  lineChanged(connected);
}

const line = new Line(whoAmI(), { heard, settled, status });
start(line, redraw);
for (const action of line.unanswered) if (action.do === "say") store.unsent.set(action.id, { ...action });

addEventListener("hashchange", moved);
addEventListener("redraw", () => draw());
$("close-thread").addEventListener("click", () => closeThread());
$("thread").addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && closeThread());
$("top-clock").addEventListener("click", () => drawer.open("clock"));
$("skip").addEventListener("click", (event) => { event.preventDefault(); composer.focus(); });
document.addEventListener("click", (event) => {
  // A link to where one already is should still lead there.
  const link = event.target.closest?.("a[href^='#/']");
  if (link && link.getAttribute("href") === location.hash) moved();
});

function closeThread() {
  const root = place.thread;
  go({ channel: place.channel });
  document.querySelector(`#feed [data-id="${root}"] .thread-link, #feed [data-id="${root}"] .tools a`)?.focus();
}
phone.addEventListener("change", () => store.ready && draw());
