// What a screen reader could not name or find its way in: a small part of what axe checks.
() => {
  const wrong = [];
  const seen = new Set();
  const named = (ids) => (ids ?? "").split(/\s+/).filter(Boolean).map((id) => document.getElementById(id));
  for (const { id } of document.querySelectorAll("[id]")) {
    if (seen.has(id)) wrong.push(`two elements are called ${id}`);
    seen.add(id);
  }
  const controls = "button, a, input, select, textarea, img, dialog, [role], nav, aside, section, fieldset";
  const speaking = "button, a, [role=option], [role=group]"; // named by what they hold
  for (const element of document.querySelectorAll(controls)) {
    if (!element.checkVisibility()) continue;
    const tag = `${element.tagName.toLowerCase()}#${element.id}.${element.getAttribute("class") ?? ""}`;
    const labels = [
      element.getAttribute("aria-label") ?? "",
      ...named(element.getAttribute("aria-labelledby")).map((each) => each?.textContent ?? ""),
      ...[...(element.labels ?? [])].map((each) => each.textContent),
      element.matches(speaking) ? element.textContent : "",
      element.querySelector(":scope > legend")?.textContent ?? "",
    ];
    if (element.matches("img")) {
      if (!element.hasAttribute("alt")) wrong.push(`${tag} has no alt`);
    } else if (!element.matches("[role=status], [role=alert]") && !labels.join("").trim()) wrong.push(`${tag} has no name`);
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "aria-activedescendant"]) {
      if (named(element.getAttribute(name)).includes(null)) wrong.push(`${tag} names a missing ${name}`);
    }
  }
  for (const element of document.querySelectorAll("ol > :not(li), ul > :not(li)")) wrong.push(`${element.tagName} in a list`);
  for (const one of ["main", "h1", "nav"]) if (document.querySelectorAll(one).length !== 1) wrong.push(`not one ${one}`);
  if (!document.documentElement.lang || !document.title) wrong.push("no language or title");
  return wrong;
}
