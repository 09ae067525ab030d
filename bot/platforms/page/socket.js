// The line to the server: says hello, keeps every action until it is answered, and finds its way back.

import { tab } from "./dom.js";

const FIRST_WAIT = 250, LONGEST_WAIT = 4000, CALM = 700;
/** What a person typed or pressed is sent again after a break; looks (suggest, read) are not worth it. */
const KEPT = new Set(["say", "command", "submit", "press", "dismiss", "clock"]);

/** An id for an action. (`crypto.randomUUID` is missing where the page comes over plain HTTP from afar.) */
export function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Line {
  #person; #heard; #status; #settled; #socket = null; #open = false; #tries = 0; #timer = 0; #calm = 0;
  #waiting = new Map();

  /** `heard(frame)` for news, `settled(action, answer)` for every answer, `status(connected)`. */
  constructor(person, { heard, settled, status }) {
    this.#person = person;
    this.#heard = heard;
    this.#settled = settled;
    this.#status = status;
    for (const action of tab.get(this.#name) ?? []) this.#waiting.set(action.id, { action, resolve: () => {} });
    addEventListener("online", () => this.#soon());
    document.addEventListener("visibilitychange", () => document.hidden || this.#soon());
    this.#connect();
  }

  get person() { return this.#person; }

  /** Actions of an earlier life of this tab that nobody answered yet. */
  get unanswered() { return [...this.#waiting.values()].map(({ action }) => action); }

  /** Send an action; resolves with its answer, if need be after a reconnect. */
  act(content) {
    const action = { id: newId(), ...content };
    return new Promise((resolve) => {
      this.#waiting.set(action.id, { action, resolve });
      this.#keep();
      if (this.#open) this.#socket.send(JSON.stringify(action));
      else if (!KEPT.has(action.do)) this.#answer({ id: action.id, lost: true });
    });
  }

  get #name() { return `unanswered:${this.#person}`; }

  #keep() {
    const kept = this.unanswered.filter((action) => KEPT.has(action.do));
    tab.set(this.#name, kept.length ? kept : null);
  }

  #connect() {
    clearTimeout(this.#timer);
    const socket = this.#socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`);
    socket.onopen = () => socket.send(JSON.stringify({ do: "hello", as: this.#person }));
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = () => socket === this.#socket && this.#lost();
  }

  #take(frame) {
    if (frame.type === "answer") return this.#answer(frame);
    if (frame.type === "state") {
      for (const { action } of this.#waiting.values()) this.#socket.send(JSON.stringify(action));
      this.#open = true;
      this.#tries = 0;
      clearTimeout(this.#calm);
      this.#calm = 0;
      this.#heard(frame);
      this.#status(true);
      return;
    }
    this.#heard(frame);
  }

  #answer(frame) {
    const waiting = this.#waiting.get(frame.id);
    if (!waiting) return;
    this.#waiting.delete(frame.id);
    this.#keep();
    this.#settled(waiting.action, frame);
    waiting.resolve(frame);
  }

  #lost() {
    this.#open = false;
    for (const [id, { action }] of this.#waiting) if (!KEPT.has(action.do)) this.#answer({ id, lost: true });
    // A blink of the line is nobody's business; only a longer break is shown.
    this.#calm ||= setTimeout(() => this.#status(false), CALM);
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#tries++) * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #soon() {
    if (this.#open || this.#socket.readyState === WebSocket.CONNECTING) return;
    this.#tries = 0;
    this.#connect();
  }
}
