// Where people write. It grows, keeps what was typed, and hands commands and words on.

import { h, icon, phone } from "./dom.js";
import { channelTitle, store } from "./store.js";
import { command, draft, say } from "./actions.js";
import { commandOf, parse } from "./commandline.js";
import { Popup } from "./complete.js";

const SLOW = 700; // milliseconds after which a silent command is said to be under way

export class Composer {
  #place = null; #input; #note; #popup; #send; #sent; #count;

  /** `sent(place)` is called whenever something was sent from here. */
  constructor(box, id, sent) {
    this.#sent = sent;
    this.#input = h("textarea", {
      id, rows: 1, role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-haspopup": "listbox",
      "aria-controls": `${id}-list`, "aria-describedby": `${id}-note`, autocomplete: "off", spellcheck: "true", dir: "auto", enterkeyhint: "send",
      oninput: () => this.#typed(), onkeydown: (event) => this.#key(event), onblur: () => this.#popup.close(),
    });
    const list = h("ul", { role: "listbox", id: `${id}-list`, class: "completions", "aria-label": "Commands and options", hidden: true });
    this.#send = h("button", { type: "button", class: "send", "aria-label": "Send", title: "Send", onpointerdown: (event) => event.preventDefault(), onclick: () => this.#go() }, icon("send"));
    this.#note = h("p", { class: "compose-note", id: `${id}-note` });
    this.#count = h("span", { class: "compose-count" });
    this.#popup = new Popup(this.#input, list, (item) => this.#take(item));
    box.append(list, h("div", { class: "compose-box" }, this.#input, this.#count, this.#send), this.#note);
    addEventListener("redraft", () => this.#place && this.#fill(draft.get(this.#place)));
  }

  show(place) {
    const moved = !this.#place || this.#place.channel !== place.channel || this.#place.thread !== place.thread;
    this.#place = place;
    const channel = store.channels.get(place.channel);
    const name = place.thread ? "Reply" : channel.kind === "direct" ? "Message Bounceback" : `Message ${channelTitle(channel)}`;
    this.#input.placeholder = phone.matches ? `${name}, or /` : `${name}, or type / for commands`;
    this.#input.setAttribute("aria-label", place.thread ? "Reply in the thread" : name);
    if (moved) {
      this.#popup.close();
      this.#say("");
      this.#fill(draft.get(place));
    }
  }

  focus() { this.#input.focus(); }

  /** Put words in, as if they had been typed. */
  write(text) {
    this.#fill(text);
    this.#input.focus();
    this.#typed();
  }

  #fill(text) {
    this.#input.value = text;
    this.#measure();
  }

  #typed() {
    draft.set(this.#place, this.#input.value);
    this.#say("");
    this.#measure();
    const atEnd = this.#input.selectionStart === this.#input.value.length;
    this.#popup.update(atEnd ? this.#input.value : "", this.#place);
  }

  #measure() {
    this.#input.style.height = "auto";
    this.#input.style.height = `${Math.min(this.#input.scrollHeight, innerHeight * 0.4)}px`;
    const length = [...this.#input.value].length;
    const over = length - store.limit;
    this.#count.textContent = length > store.limit * 0.9 ? `${length.toLocaleString("en")} of ${store.limit.toLocaleString("en")}` : "";
    this.#count.classList.toggle("over", over > 0);
    this.#send.classList.toggle("ready", this.#input.value.trim() !== "");
  }

  #key(event) {
    if (this.#popup.key(event)) {
      event.preventDefault();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#go();
    }
  }

  #take(item) {
    this.#fill(this.#input.value.slice(0, item.from) + item.insert);
    this.#input.setSelectionRange(this.#input.value.length, this.#input.value.length);
    this.#input.focus();
    this.#typed();
  }

  #say(text) { this.#note.textContent = text; }

  #go() {
    const text = this.#input.value.trim();
    const place = this.#place;
    if (!text) return;
    const typed = commandOf(text);
    if (!typed) {
      const over = [...text].length - store.limit;
      if (over > 0) return void this.#say(`That is ${over.toLocaleString("en")} characters too long for one message. It is still here.`);
      this.#clear();
      say(place, text);
    } else {
      const options = store.commands.find((each) => each.name === typed.name)?.options ?? [];
      const { arg, values, missing } = parse(typed.rest, options);
      if (missing.length) return void this.#say(`/${typed.name} also needs ${missing.map((option) => `${option.name}:`).join(" and ")}`);
      this.#clear();
      this.#wait(place, command(place, typed.name, arg, values));
    }
    this.#sent(place);
  }

  #clear() {
    this.#input.focus(); // after the button too: the next thought follows
    this.#popup.close();
    this.#fill("");
    this.#say("");
    draft.set(this.#place, "");
  }

  async #wait(place, done) {
    const timer = setTimeout(() => this.#place === place && this.#say("Bounceback is on it…"), SLOW);
    await done;
    clearTimeout(timer);
    if (this.#note.textContent === "Bounceback is on it…") this.#say("");
  }
}
