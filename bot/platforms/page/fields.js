// One question of a form: its label, hint, control, counter and error, tied together for every reader.

import { h, icon } from "./dom.js";
import { channelTitle, store } from "./store.js";
import { suggest } from "./actions.js";

const RADIOS = 8; // more choices than this are a menu
const BRIEF = 16; // labels of at most so many characters stand two in a row, on a phone too
const WAIT = 150; // milliseconds of quiet before suggestions are asked for
let count = 0;

/** `{node, name, read(), fail(text), focus()}` for a field; `changed` is called at every change. */
export function drawField(field, value, { place, form, changed }) {
  const id = `field-${++count}`;
  const hint = field.hint && h("p", { class: "hint", id: `${id}-hint` }, field.hint);
  const error = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
  const described = [hint && hint.id, error.id].filter(Boolean).join(" ");
  const control = controlOf(field, value, { id, described, place, form, changed });
  const need = h("span", { class: "need" }, field.optional ? "optional" : "needed");
  const head = control.group
    ? h("legend", {}, h("span", { dir: "auto" }, field.label), " ", need)
    : h("label", { for: id }, h("span", { dir: "auto" }, field.label), " ", need);
  const inside = [head, hint, control.node, control.after, error];
  const node = control.group
    ? h("fieldset", { class: "field", "aria-describedby": described }, ...inside)
    : h("div", { class: "field" }, ...inside);

  function fail(text) {
    error.hidden = !text;
    error.replaceChildren(...(text ? [icon("alert"), h("span", {}, text)] : []));
    node.classList.toggle("wrong", Boolean(text));
    for (const input of control.inputs) {
      if (text) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  }
  return { node, name: field.name, read: control.read, fail, focus: () => control.inputs[0]?.focus() };
}

function controlOf(field, value, tools) {
  switch (field.kind) {
    case "long": return typed(h("textarea", { rows: 5, dir: "auto" }), field, value, tools, true);
    case "date": return typed(h("input", { type: "date" }), field, value, tools);
    case "time": return typed(h("input", { type: "time" }), field, value, tools);
    case "choice": return field.choices.length <= RADIOS ? group("radio", field, value, tools) : menu(field.choices, field, value, tools);
    case "choices": return group("checkbox", field, value, tools);
    case "user": return menu([...store.people.values()].map((each) => ({ value: each.id, label: each.name })), field, value, tools);
    case "channel": return menu([...store.channels.values()].map((each) => ({ value: each.id, label: channelTitle(each) })), field, value, tools);
    case "file": return { node: h("p", { class: "hint" }, "This chat takes no files."), inputs: [], read: () => "" };
    default: return typed(h("input", { type: "text", dir: "auto", autocomplete: "off" }), field, value, tools);
  }
}

const common = (input, field, { id, described }) => {
  input.id = id;
  input.name = field.name;
  input.setAttribute("aria-describedby", described);
  if (!field.optional) input.required = true;
  return input;
};

function typed(input, field, value, tools, always = false) {
  common(input, field, tools);
  const counted = field.kind === "text" || field.kind === "long";
  if (counted) input.maxLength = field.limit;
  input.value = value;
  const counter = h("p", { class: "counter", "aria-hidden": "true" });
  const tell = () => {
    const length = [...input.value].length;
    counter.textContent = always || length > field.limit * 0.7 ? `${length.toLocaleString("en")} of ${field.limit.toLocaleString("en")}` : "";
  };
  const options = field.suggest && h("datalist", { id: `${tools.id}-options` });
  if (options) input.setAttribute("list", options.id);
  let timer = 0;
  input.addEventListener("input", () => {
    tell();
    tools.changed();
    if (!options) return;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const found = await suggest(tools.place, "form", tools.form, field.name, input.value, {});
      options.replaceChildren(...found.map((each) => h("option", { value: each.value }, each.label === each.value ? "" : each.label)));
    }, WAIT);
  });
  tell();
  return { node: input, after: [options, counted && counter], inputs: [input], read: () => input.value };
}

function menu(choices, field, value, tools) {
  const select = common(h("select", { onchange: tools.changed }), field, tools);
  select.append(h("option", { value: "" }, field.optional ? "No answer" : "Choose…"));
  select.append(...choices.map((each) => h("option", { value: each.value, selected: each.value === value }, each.label)));
  return { node: select, inputs: [select], read: () => select.value };
}

function group(type, field, value, tools) {
  const chosen = new Set(type === "radio" ? [value] : value.split(","));
  const clear = h("button", { type: "button", class: "text-button clear", onclick: () => {
    for (const input of inputs) input.checked = false;
    inputs[0].focus();
    told();
  } }, "Clear");
  const inputs = field.choices.map((choice, index) => h("input", {
    type, id: `${tools.id}-${index}`, name: tools.id, value: choice.value, checked: chosen.has(choice.value),
    "aria-describedby": index === 0 ? `${tools.id}-error` : null, onchange: () => told(),
  }));
  const told = () => {
    clear.hidden = type === "checkbox" || !field.optional || !inputs.some((input) => input.checked);
    tools.changed();
  };
  clear.hidden = type === "checkbox" || !field.optional || !chosen.has(value) || !value;
  const brief = field.choices.every((choice) => choice.label.length <= BRIEF);
  const rows = field.choices.map((choice, index) => h("label", { class: "choice", for: inputs[index].id }, inputs[index], h("span", { dir: "auto" }, choice.label)));
  return {
    group: true, node: h("div", { class: brief ? "choices brief" : "choices" }, rows), after: clear, inputs,
    read: () => inputs.filter((input) => input.checked).map((input) => input.value).join(","),
  };
}
