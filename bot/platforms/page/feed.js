// A list of messages that keeps its place: at the end while one is there, still while one reads back.

import { h, icon, reconcile } from "./dom.js";
import { store } from "./store.js";
import { avatar, drawMessage, isWords, signOf } from "./message.js";
import { dateKey, longDay } from "./times.js";
import { draft, read } from "./actions.js";

const TOGETHER = 5 * 60 * 1000; // messages of one author this close share a head
const PAGE = 120; // messages drawn at first; more on request
const NEAR = 80; // pixels from the end that still count as being there

/** Whether a message needs no head of its own: plain words soon after others of the same author. */
function belongs(message, previous) {
  return message.author === previous.author && message.time - previous.time < TOGETHER && isWords(message)
    && !message.private && !previous.private && !previous.room && !previous.gone;
}

export class Feed {
  #box; #list; #more; #place = null; #shown = PAGE; #mark = null; #upto = 0; #stick = true; #options;

  constructor(box, { inThread = false } = {}) {
    this.#box = box;
    this.#options = { inThread };
    this.#list = h("ol", { class: "messages" });
    this.#more = h("button", { type: "button", class: "new-below", hidden: true, onclick: () => this.toEnd() }, icon("down"), "New messages");
    box.append(this.#list);
    box.after(this.#more);
    box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    document.addEventListener("visibilitychange", () => this.#place && this.#looked());
    // Pictures, a growing composer and a turned phone change heights without a new message.
    new ResizeObserver(() => this.#stick && this.#scrollToEnd()).observe(this.#list);
    new ResizeObserver(() => this.#stick && this.#scrollToEnd()).observe(box);
  }

  /** Draw a place: its messages, below what `above` gives (items of their own); `root` is what a thread hangs under, `reach` a message to draw at least. */
  show(place, messages, { above = [], root, reach } = {}) {
    this.#options.root = root;
    const moved = !this.#place || this.#place.channel !== place.channel || this.#place.thread !== place.thread;
    if (moved) {
      this.#place = place;
      this.#shown = PAGE;
      this.#stick = true;
      this.#mark = store.read.get(this.#where()) ?? null;
      this.#upto = messages.at(-1)?.id ?? 0;
    }
    const wanted = messages.findIndex((message) => message.id === reach);
    if (wanted >= 0) this.#shown = Math.max(this.#shown, messages.length - wanted + 10);
    const before = this.#last;
    reconcile(this.#list, [...above, ...this.#items(messages)]);
    this.#last = messages.at(-1)?.id ?? 0;
    if (this.#stick) this.#scrollToEnd();
    else if (this.#last > before && messages.at(-1).author !== store.you.id) this.#more.hidden = false;
    this.#seen();
  }

  /** Bring one message into view and point it out; false if it is not here. */
  reveal(id) {
    const find = () => this.#list.querySelector(`[data-id="${CSS.escape(String(id))}"]`);
    const found = find();
    if (!found) return false;
    this.#stick = false;
    found.scrollIntoView({ block: "center" });
    found.classList.remove("pointed");
    void found.offsetWidth; // lets the same message be pointed out twice
    found.classList.add("pointed");
    found.focus({ preventScroll: true });
    return true;
  }

  toEnd() {
    this.#stick = true;
    this.#scrollToEnd();
    this.#seen();
  }

  #last = 0;

  /** New is what came before one looked: while the place was closed, or the window hidden. */
  #looked() {
    if (document.hidden) {
      this.#mark = this.#last;
      this.#upto = Infinity;
    } else {
      this.#upto = this.#last;
      this.#seen();
    }
  }

  #where() {
    return this.#place.thread ? `${this.#place.channel}/${this.#place.thread}` : this.#place.channel;
  }

  #items(messages) {
    const items = [];
    const hidden = Math.max(0, messages.length - this.#shown);
    if (hidden) items.push({ key: "earlier", sign: "", make: () => this.#earlier() });
    let previous = this.#options.root ?? null; // a thread goes on from the day of its root
    let marked = this.#mark === null;
    for (const message of messages.slice(hidden)) {
      const day = dateKey(message.time);
      const newDay = !previous || dateKey(previous.time) !== day;
      if (newDay) items.push({ key: `day ${day}`, sign: day, make: () => h("li", { class: "day" }, h("span", {}, longDay(message.time))) });
      const fresh = !marked && message.id > this.#mark && message.id <= this.#upto && message.author !== store.you.id;
      if (fresh) {
        marked = true;
        items.push({ key: "new", sign: "", make: () => h("li", { class: "new-line" }, h("span", {}, "New")) });
      }
      const grouped = !newDay && !fresh && previous !== this.#options.root && belongs(message, previous);
      const look = { grouped, ...this.#options };
      const sign = `${grouped}|${store.you.id}|${signOf(message, look.inThread)}`;
      items.push({ key: message.id, sign, make: () => drawMessage(message, look) });
      previous = message;
    }
    return [...items, ...this.#unsent()];
  }

  #unsent() {
    const here = [...store.unsent.values()].filter((each) => each.channel === this.#place.channel && (each.thread ?? null) === (this.#place.thread ?? null));
    return here.map((each) => ({ key: each.id, sign: each.error ?? "", make: () => this.#drawUnsent(each) }));
  }

  #drawUnsent(each) {
    const back = () => {
      store.unsent.delete(each.id);
      draft.set(this.#place, [draft.get(this.#place), each.text].filter(Boolean).join("\n"));
      dispatchEvent(new Event("redraft"));
    };
    return h("li", { class: "message unsent" }, h("div", { class: "margin" }, avatar(store.you.id)),
      h("div", { class: "message-body" },
        h("div", { class: "message-head" }, h("bdi", { class: "author" }, store.you.name), h("span", { class: "quiet" }, each.error ? "Not sent" : "Sending…")),
        h("p", { class: "said", dir: "auto" }, each.text),
        each.error && h("p", { class: "not-sent" }, each.error, " ", h("button", { type: "button", class: "text-button", onclick: back }, "Change it"))));
  }

  #earlier() {
    return h("li", { class: "earlier" }, h("button", { type: "button", class: "button plain", onclick: () => {
      const height = this.#box.scrollHeight - this.#box.scrollTop;
      this.#shown += PAGE;
      this.#stick = false;
      dispatchEvent(new Event("redraw"));
      this.#box.scrollTop = this.#box.scrollHeight - height;
    } }, "Show earlier messages"));
  }

  #scrolled() {
    this.#stick = this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight < NEAR;
    if (this.#stick) this.#seen();
  }

  #scrollToEnd() {
    this.#box.scrollTop = this.#box.scrollHeight;
    this.#more.hidden = true;
  }

  #seen() {
    if (document.hidden || !this.#stick || !this.#place || !this.#box.clientHeight) return;
    this.#more.hidden = true;
    const { channel, thread } = this.#place;
    if (this.#last) read(channel, thread, this.#last);
  }
}
