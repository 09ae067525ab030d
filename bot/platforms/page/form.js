// Forms, as a dialog. Closing it loses nothing: what was typed is there when the same form opens again.

import { h, icon, tab } from "./dom.js";
import { store } from "./store.js";
import { submit } from "./actions.js";
import { drawField } from "./fields.js";

let open = null; // {form, fields, dialog, …} while one is shown
let connected = true;

const draftName = (form) => `form:${store.you.id}:${form.form}:${form.arg}`;

/** Show a form, or, if it is the one that is open, what is to be mended in it. */
export function showForm(form, place) {
  if (open?.form.form === form.form && open.form.arg === form.arg) return mend(form);
  open?.dialog.close();
  const draft = tab.get(draftName(form)) ?? {};
  // What was typed here counts as long as the bot still offers what it offered then.
  const start = (field) => (draft[field.name]?.was === field.value ? draft[field.name].typed : field.value);
  const keep = () => tab.set(draftName(form), Object.fromEntries(form.fields.map((field, index) => [field.name, { was: field.value, typed: fields[index].read() }])));
  const fields = form.fields.map((field) => drawField(field, start(field), { place, form: form.form, changed: keep }));
  const trouble = h("p", { class: "form-trouble", role: "alert", hidden: true });
  const send = h("button", { type: "submit", class: "button primary" }, form.submit || "Send");
  const close = () => dialog.close();
  const dialog = h("dialog", { class: "sheet", "aria-labelledby": "form-title" },
    h("form", { novalidate: true, method: "dialog", onsubmit: (event) => { event.preventDefault(); hand(); }, onkeydown: quickSend },
      h("header", { class: "sheet-head" }, h("h2", { id: "form-title", dir: "auto" }, form.title || "Form"),
        h("button", { type: "button", class: "icon-button", "aria-label": "Close. What you typed is kept.", title: "Close. What you typed is kept.", onclick: close }, icon("close"))),
      h("div", { class: "sheet-body" }, trouble, ...fields.map((field) => field.node)),
      h("footer", { class: "sheet-foot" }, h("p", { class: "sheet-note", role: "status" }), send)));
  const back = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (open?.dialog === dialog) open = null;
    // The browser gave the focus back already, but the caret went with the dialog: focus anew brings it back.
    if (back?.isConnected) {
      back.blur();
      back.focus();
    }
  });
  open = { form, place, fields, dialog, trouble, send, note: dialog.querySelector(".sheet-note"), busy: false };
  document.body.append(dialog);
  dialog.showModal();
  fields[0]?.focus();
  if (form.fields.some((field) => field.error)) mend(form);
}

/** Whether the line is up, for those who wait on a form. */
export function lineChanged(is) {
  connected = is;
  if (open) tell();
}

function tell() {
  open.note.textContent = connected ? "" : open.busy
    ? "The connection is gone for a moment. This will be sent when it is back."
    : "The connection is gone for a moment. What you type is kept.";
}

function quickSend(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    hand();
  }
}

async function hand() {
  const mine = open;
  if (!mine || mine.busy) return;
  const values = Object.fromEntries(mine.fields.map((field) => [field.name, field.read()]));
  busy(mine, true);
  mine.trouble.hidden = true;
  const answer = await submit(mine.place, mine.form, values);
  busy(mine, false);
  if (answer.error) {
    mine.trouble.textContent = answer.error;
    mine.trouble.hidden = false;
    if (open === mine) mine.trouble.scrollIntoView({ block: "nearest" });
  } else if (!(answer.open && answer.open.form === mine.form.form && answer.open.arg === mine.form.arg)) {
    tab.set(draftName(mine.form), null);
    mine.dialog.close();
  }
}

function busy(mine, is) {
  mine.busy = is;
  mine.send.toggleAttribute("disabled", is);
  mine.send.textContent = is ? "Sending…" : mine.form.submit || "Send";
  if (open === mine) tell();
}

/** Say what is to be mended, beside each field, and go to the first. */
function mend(form) {
  const errors = new Map(form.fields.map((field) => [field.name, field.error]));
  for (const field of open.fields) field.fail(errors.get(field.name) ?? "");
  open.form = { ...open.form, message: form.message ?? open.form.message };
  const first = open.fields.find((field) => errors.get(field.name));
  if (first) {
    first.focus();
    first.node.scrollIntoView({ block: "center" });
  }
}
