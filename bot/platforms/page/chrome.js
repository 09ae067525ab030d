// What frames the chat: the drawer of small screens, and the choice of light or dark.

import { icon, phone } from "./dom.js";

const $ = (id) => document.getElementById(id);

/** The sidebar as a drawer on a phone; on wider screens it is simply there. */
export function setUpDrawer() {
  const [sidebar, button, closer, frame] = [$("sidebar"), $("open-drawer"), $("close-drawer"), $("frame")];
  button.append(icon("menu"));
  closer.append(icon("close"));
  let shown = false;

  function set(open, focus) {
    if (open === shown) return;
    shown = open;
    frame.classList.toggle("drawer-open", open);
    button.setAttribute("aria-expanded", String(open));
    fit();
    if (open) (focus ? $(focus).querySelector("button, a") : closer).focus();
    else if (sidebar.contains(document.activeElement) || document.activeElement === document.body) button.focus();
  }
  function fit() {
    sidebar.inert = phone.matches && !shown;
    $("main").toggleAttribute("data-behind", shown);
    if (phone.matches && !frame.classList.contains("with-thread")) $("main").inert = shown;
  }

  button.addEventListener("click", () => set(true));
  closer.addEventListener("click", () => set(false));
  $("backdrop").addEventListener("click", () => set(false));
  sidebar.addEventListener("keydown", (event) => event.key === "Escape" && set(false));
  phone.addEventListener("change", () => { shown = false; frame.classList.remove("drawer-open"); $("main").inert = false; fit(); });
  fit();
  return { open: (focus) => set(true, focus), close: () => set(false), news: (any) => button.classList.toggle("has-news", any) };
}

/** The button that changes between light and dark; the choice is kept on this machine. */
export function setUpTheme(button) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const draw = () => {
    button.replaceChildren(icon(isDark() ? "sun" : "moon"));
    button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
    button.title = button.getAttribute("aria-label");
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* kept for this page only */ }
    draw();
  });
  system.addEventListener("change", draw);
  draw();
}
