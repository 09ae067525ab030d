// Building and updating the page. Text only ever becomes text nodes: there is no innerHTML anywhere.

const SVG = "http://www.w3.org/2000/svg";

/** An element. `on…` are listeners, `data` the dataset, `null`, `false` and `undefined` are left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const ICONS = {
  menu: "M4 7h16M4 12h16M4 17h11",
  close: "M6 6l12 12M18 6L6 18",
  back: "M14.500 6l-6 6l6 6",
  send: "M12 19V5.500M6 11.500l6-6l6 6",
  reply: "M20 12a7 7 0 0 1-7 7H5l2.200-2.600A7 7 0 0 1 13 5a7 7 0 0 1 7 7z",
  hidden: "M4 4l16 16M9.900 5.300A9 9 0 0 1 12 5c5 0 8.500 4.500 9 7a12 12 0 0 1-2.700 4M6.500 7.500A12 12 0 0 0 3 12c.5 2.500 4 7 9 7a9 9 0 0 0 4-1M10 10.500a2.500 2.500 0 0 0 3.500 3.500",
  hash: "M9.500 4l-2 16M16.500 4l-2 16M4.500 9h16M3.500 15h16",
  lock: "M6.500 11h11v8.500h-11zM9 11V8a3 3 0 0 1 6 0v3",
  people: "M9 11.500a3.200 3.200 0 1 0 0-6.400a3.200 3.200 0 0 0 0 6.400zM3 19.500c.4-3.300 2.700-5 6-5s5.600 1.700 6 5M15.500 5.500a3 3 0 0 1 0 5.800M17.500 14.800c2 .6 3.200 2.200 3.500 4.700",
  sun: "M12 16a4 4 0 1 0 0-8a4 4 0 0 0 0 8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  moon: "M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z",
  clock: "M12 20.500a8.500 8.500 0 1 0 0-17a8.500 8.500 0 0 0 0 17zM12 7.500v5l3 2",
  updown: "M8.500 9.500L12 6l3.500 3.500M8.500 14.500L12 18l3.500-3.500",
  out: "M13 5h6v6M19 5l-8.500 8.500M16 14v5H5V8h5",
  down: "M12 5v13M6.500 12.500L12 18l5.500-5.500",
  alert: "M12 8v5M12 16.200v.3M12 20.500a8.500 8.500 0 1 0 0-17a8.500 8.500 0 0 0 0 17z",
};

/** A drawn sign, for the eye only: whatever holds it has a name in words. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" })) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * Make the children of `parent` those of `items`, in order, rebuilding only what changed.
 * An item is `{key, sign, make}`: the same sign means the same looks. Keyboard focus inside a
 * rebuilt child moves to what took the old one's place: the same control (`data-focus`), one of its kind,
 * the first button, the child itself.
 */
export function reconcile(parent, items) {
  const old = parent.drawn ?? new Map();
  const drawn = new Map();
  let next = parent.firstChild;
  let lost = null;
  for (const item of items) {
    let entry = old.get(item.key);
    if (!entry || entry.sign !== item.sign) {
      const node = item.make();
      const active = document.activeElement;
      if (entry?.node.contains(active)) lost = { node, mark: active.dataset?.focus };
      if (entry) {
        if (next === entry.node) next = node;
        entry.node.replaceWith(node);
      }
      entry = { sign: item.sign, node };
    }
    drawn.set(item.key, entry);
    if (next === entry.node) next = next.nextSibling;
    else parent.insertBefore(entry.node, next);
  }
  while (next) {
    const after = next.nextSibling;
    next.remove();
    next = after;
  }
  parent.drawn = drawn;
  if (lost) {
    const controls = [...lost.node.querySelectorAll("[data-focus]")];
    const kind = (mark = "") => mark.split(":")[0];
    const target = controls.find((each) => each.dataset.focus === lost.mark)
      ?? controls.find((each) => kind(each.dataset.focus) === kind(lost.mark))
      ?? lost.node.querySelector(".buttons [data-focus]") ?? (lost.node.matches("[tabindex]") ? lost.node : controls[0]);
    target?.focus({ preventScroll: true });
  }
}

/** Something kept for this tab only; a browser without storage forgets it, and nothing breaks. */
export const tab = {
  get(name) {
    try { return JSON.parse(sessionStorage.getItem(name)); } catch { return null; }
  },
  set(name, value) {
    try {
      if (value === null) sessionStorage.removeItem(name);
      else sessionStorage.setItem(name, JSON.stringify(value));
    } catch { /* full or off */ }
  },
};

export const phone = matchMedia("(max-width: 760px)");
