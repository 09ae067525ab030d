// Completions while a command is typed: its name, its options, and the values of an option.

import { h } from "./dom.js";
import { store } from "./store.js";
import { suggest } from "./actions.js";
import { commandOf, current, parse } from "./commandline.js";

/** What fits at the end of `line`: `{items, eager}`. `eager` lists take Enter without a choice made first. */
export async function completions(line, place) {
  const partial = /^\/([\w-]*)$/.exec(line);
  if (partial) return names(partial[1].toLowerCase());
  const typed = commandOf(line);
  const command = typed && store.commands.find((each) => each.name === typed.name);
  if (!command || !command.options.length || line.includes("\n")) return { items: [], eager: false };
  const { option, typed: word, from, free } = current(typed.rest, command.options);
  const replaceFrom = typed.start + from;
  const { values } = parse(typed.rest, command.options);
  if (option) return values_(option, word, replaceFrom);
  const first = free[0];
  const direct = first && (first.choices.length || first.suggest) ? (await values_(first, word, replaceFrom)).items : [];
  const options = free.filter((each) => each.name.startsWith(word.toLowerCase())).map((each) => ({
    name: `${each.name}:`, detail: each.hint || each.label, note: each.optional ? "optional" : "needed", from: replaceFrom, insert: `${each.name}: `,
  }));
  return { items: word && direct.length ? direct : [...options, ...direct.slice(0, word ? 0 : 8)], eager: false };

  async function values_(of, word, at) {
    const fits = (choice) => `${choice.value} ${choice.label}`.toLowerCase().includes(word.toLowerCase());
    const found = of.suggest ? await suggest(place, "command", command.name, of.name, word, values) : of.choices.filter(fits);
    const rows = found.filter((choice) => choice.value !== word).map((choice) => ({
      name: choice.label, detail: choice.label.toLowerCase() === choice.value.toLowerCase() ? "" : choice.value, note: of.label, from: at, insert: `${choice.value} `,
    }));
    return { items: rows, eager: Boolean(word) && !of.suggest };
  }
}

function names(word) {
  const fits = store.commands.filter((command) => command.name.includes(word));
  fits.sort((one, two) => two.name.startsWith(word) - one.name.startsWith(word) || one.name.localeCompare(two.name));
  const items = fits.map((command) => ({
    name: `/${command.name}`, detail: command.description, note: "", from: 0, insert: `/${command.name} `,
  }));
  return { items, eager: !store.commands.some((command) => command.name === word) };
}

/** The popup: a list box that the text box steers, as ARIA's combobox pattern has it. */
export class Popup {
  #input; #list; #items = []; #active = -1; #asked = 0; #take; #eager = false;

  constructor(input, list, take) {
    this.#input = input;
    this.#list = list;
    this.#take = take;
  }

  get open() { return this.#items.length > 0; }

  async update(line, place) {
    const asked = ++this.#asked;
    const { items, eager } = line.startsWith("/") ? await completions(line, place) : { items: [], eager: false };
    if (asked !== this.#asked) return; // more was typed meanwhile
    this.#items = items;
    this.#eager = eager;
    this.#active = eager && items.length ? 0 : -1;
    this.#draw();
  }

  close() {
    this.#asked++;
    this.#items = [];
    this.#active = -1;
    this.#draw();
  }

  /** Whether a key was for the popup. */
  key(event) {
    if (!this.open || event.isComposing) return false;
    const count = this.#items.length;
    switch (event.key) {
      case "ArrowDown": this.#active = (this.#active + 1) % count; break;
      case "ArrowUp": this.#active = (this.#active <= 0 ? count : this.#active) - 1; break;
      case "Escape": this.close(); return true;
      case "Tab":
        if (event.shiftKey) return false;
        this.#choose(Math.max(0, this.#active));
        return true;
      case "Enter":
        if (event.shiftKey || this.#active < 0) return false;
        this.#choose(this.#active);
        return true;
      default: return false;
    }
    this.#draw();
    return true;
  }

  #choose(index) {
    const item = this.#items[index];
    this.close();
    this.#take(item);
  }

  #draw() {
    const { open } = this;
    this.#list.hidden = !open;
    this.#input.setAttribute("aria-expanded", String(open));
    this.#list.replaceChildren(...this.#items.map((item, index) => h("li", {
      role: "option", id: `${this.#list.id}-${index}`, class: "completion", "aria-selected": String(index === this.#active),
      onpointerdown: (event) => event.preventDefault(), onclick: () => this.#choose(index),
    }, h("span", { class: "completion-name" }, item.name), h("span", { class: "completion-detail" }, item.detail), item.note && h("span", { class: "completion-note" }, item.note))));
    if (this.#active >= 0) {
      this.#input.setAttribute("aria-activedescendant", `${this.#list.id}-${this.#active}`);
      this.#list.children[this.#active].scrollIntoView({ block: "nearest" });
    } else this.#input.removeAttribute("aria-activedescendant");
  }
}
