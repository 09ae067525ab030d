// A line that starts with a slash: `/name words option: value`. Pure, so that it is easy to reason about.

const COMMAND = /^\/([A-Za-z][\w-]*)(?:\s+|$)/;

/** The command of a line, or null if the line is plain words. */
export function commandOf(line) {
  const found = COMMAND.exec(line);
  return found && { name: found[1].toLowerCase(), rest: line.slice(found[0].length), start: found[0].length };
}

/** Where each named option of the rest stands: `{option, at, from, to}`; `from` is where its value starts. */
function named(rest, options) {
  const found = [];
  for (const match of rest.matchAll(/(^|\s)([a-z][\w.]*):/gi)) {
    const option = options.find((each) => each.name === match[2].toLowerCase());
    if (option && !found.some((each) => each.option === option)) {
      found.push({ option, at: match.index, from: match.index + match[0].length, to: rest.length });
    }
  }
  found.forEach((each, index) => { each.to = found[index + 1]?.at ?? rest.length; });
  return found;
}

/** What a command is given: `arg`, the words under no name, and `values`. Bare words fill the first free option too. */
export function parse(rest, options) {
  const parts = named(rest, options);
  const arg = rest.slice(0, parts[0]?.at ?? rest.length).trim();
  const values = {};
  for (const { option, from, to } of parts) values[option.name] = valueOf(option, rest.slice(from, to).trim());
  const free = options.find((option) => !(option.name in values));
  if (arg && free) values[free.name] = valueOf(free, arg);
  const missing = options.filter((option) => !option.optional && !values[option.name]);
  return { arg, values, missing };
}

/** People type what they read: a choice's label stands for its value. */
function valueOf(option, typed) {
  const plain = typed.toLowerCase();
  const choice = option.choices.find((each) => each.value.toLowerCase() === plain || each.label.toLowerCase() === plain);
  return choice?.value ?? typed;
}

/** What is being typed at the end of the rest: `{option, typed, from}`, where option may be null. */
export function current(rest, options) {
  const parts = named(rest, options);
  const last = parts.at(-1);
  const given = new Set(parts.map((part) => part.option.name));
  const free = options.filter((option) => !given.has(option.name));
  if (last) {
    const raw = rest.slice(last.from);
    return { option: last.option, typed: raw.trimStart(), from: last.from + (raw.length - raw.trimStart().length), free };
  }
  return { option: null, typed: rest.trimStart(), from: rest.length - rest.trimStart().length, free };
}
