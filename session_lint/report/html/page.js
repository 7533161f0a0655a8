"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const root = document.documentElement;

  /** An element with a class and text; text is never markup. */
  function element(tag, className = "", text = "") {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  /** A search field emptied by Escape, and a list chosen from by keyboard, do not say so as `input` everywhere. */
  function whenChanged(fields, act) {
    for (const field of fields) for (const event of ["input", "change", "search"]) field.addEventListener(event, act);
  }

  // Light and dark

  const theme = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const stored = (() => { try { return localStorage.getItem("session-lint-theme"); } catch { return null; } })();
  if (stored === "light" || stored === "dark") root.dataset.theme = stored;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const sayTheme = () => { theme.firstChild.data = isDark() ? "Light" : "Dark"; };
  function switchTheme() {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("session-lint-theme", root.dataset.theme); } catch { /* a file may not store anything */ }
    sayTheme();
  }
  theme.addEventListener("click", switchTheme);
  system.addEventListener("change", sayTheme);
  sayTheme();

  // Findings

  const findings = all("#finding-list > li");
  const rule = byId("rule"), role = byId("role"), path = byId("path"), query = byId("q");
  const severities = all("input[name=severity]");
  const texts = new Map();

  function textOf(item, of = item) {
    if (!texts.has(item)) texts.set(item, of.textContent.toLowerCase());
    return texts.get(item);
  }

  /** Whether a path has a text in it, or fits a pattern with `*` (within a folder), `**` and `?`. */
  function pathTest(wanted) {
    if (!/[*?]/.test(wanted)) return (name) => name.toLowerCase().includes(wanted);
    const signs = { "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]" };
    const pattern = wanted.replace(/\*\*\/|\*\*|\*|\?|[.+^${}()|[\]\\]/g, (sign) => signs[sign] ?? `\\${sign}`);
    const compiled = new RegExp(`(?:^|/)${pattern}(?:/|$)`, "i");
    return (name) => compiled.test(name);
  }

  function filterFindings() {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const inPath = pathTest(path.value.trim().toLowerCase());
    const grave = new Set(severities.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    for (const item of findings) {
      const { code, check, severity, role: part, path: name } = item.dataset;
      const fits = grave.has(severity) && (!rule.value || rule.value === code || rule.value === check)
        && (!role.value || role.value === part) && inPath(name) && words.every((word) => textOf(item).includes(word));
      item.hidden = !fits;
      shown += fits;
    }
    byId("shown").value = `${shown} of ${findings.length}`;
    byId("nothing").hidden = shown > 0;
    byId("reset").hidden = shown === findings.length;
  }

  function reset() {
    for (const field of [query, rule, role, path]) field.value = "";
    for (const box of severities) box.checked = true;
    filterFindings();
  }

  function expandAll() {
    const button = byId("expand");
    const open = button.getAttribute("aria-pressed") !== "true";
    for (const item of findings) if (!open || !item.hidden) item.firstElementChild.open = open;
    button.setAttribute("aria-pressed", String(open));
    button.textContent = open ? "Collapse all" : "Expand all";
  }

  if (findings.length) {
    whenChanged([query, rule, role, path, ...severities], filterFindings);
    byId("reset").addEventListener("click", reset);
    byId("expand").addEventListener("click", expandAll);
    filterFindings(); // a browser may have kept what was typed
  }
  for (const link of all("[data-filter-rule], [data-filter-path]")) {
    link.addEventListener("click", () => {
      reset();
      rule.value = link.dataset.filterRule ?? "";
      path.value = link.dataset.filterPath ?? "";
      filterFindings();
    });
  }

  for (const link of all("[data-filter-bounds]")) {
    link.addEventListener("click", () => {
      byId("entry").value = "";
      byId("marked").checked = false;
      byId("bounds").value = link.dataset.filterBounds;
      filterMaps();
    });
  }

  // Transaction maps

  const data = JSON.parse(byId("drawings").textContent);
  const DOTS = {
    provider: "begin", session: "begin", begin: "begin", savepoint: "begin", read: "read", write: "write", flush: "write", use: "read",
    commit: "commit", rollback: "rollback", close: "end", end: "end", closed: "end",
  };

  function findingAt(code, file, row, symbol) {
    const same = findings.filter((item) => item.dataset.code === code && item.dataset.path === file);
    return same.find((item) => Number(item.dataset.row) === row) ?? same.find((item) => item.dataset.symbol === symbol)
      ?? findings.find((item) => item.dataset.code === code);
  }

  function codeLink(code, file, row, symbol) {
    const found = findingAt(code, file, row, symbol);
    const link = element(found ? "a" : "span", "code", code);
    if (found) {
      link.href = `#${found.firstElementChild.id}`;
      link.title = found.querySelector(".message").textContent;
    }
    return link;
  }

  function rails(before, after, node, kind) {
    const drawn = element("span", "rails");
    drawn.setAttribute("aria-hidden", "true");
    for (let rail = 0; rail < before.length; rail += 1) {
      const lane = element("span", "rail");
      if (before[rail] !== "0") lane.append(element("i", before[rail] === "2" ? "up tx" : "up"));
      if (after[rail] !== "0") lane.append(element("i", after[rail] === "2" ? "down tx" : "down"));
      if (rail === node) lane.append(element("span", `dot ${DOTS[kind] ?? "read"}`));
      drawn.append(lane);
    }
    return drawn;
  }

  function drawRow([depth, kind, text, file, row, codes, repeated, before, after, node]) {
    const name = data.texts[file];
    const line = element("li", codes.length ? `${kind} fires` : kind);
    line.style.setProperty("--depth", depth);
    const label = element("span", "label indent");
    const bare = kind === "closed" ? data.texts[text] : data.texts[text].replace(/, commits at its end$/, "");
    label.append(element("bdi", "text", bare));
    if (repeated) label.append(element("span", "again", "as above"));
    for (const code of codes) label.append(codeLink(code, name, row, data.texts[text]));
    const place = element("bdi", "place");
    if (kind !== "closed") {
      for (const part of `${name}:${row}`.split(/(?<=\/)/)) place.append(part, element("wbr"));
    }
    line.append(rails(before, after, node, kind), element("span", "kind", kind === "closed" ? "" : kind), label, place);
    return line;
  }

  function drawMap(details) {
    const body = details.querySelector(".body");
    if (body.firstChild) return;
    const list = element("ol", "map");
    for (const row of data.maps[Number(details.dataset.map)]) list.append(drawRow(row));
    if (list.firstChild) body.append(list);
    else body.append(element("p", "empty", "Nothing happens to a session here."));
  }

  const maps = all("#map-list > li");
  for (const item of maps) {
    const details = item.firstElementChild;
    details.addEventListener("toggle", () => details.open && drawMap(details));
  }

  function filterMaps() {
    const words = byId("entry").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of maps) {
      const text = textOf(item, item.querySelector("summary"));
      const fits = (!byId("bounds").value || byId("bounds").value === item.dataset.bounds)
        && (!byId("marked").checked || item.dataset.codes) && words.every((word) => text.includes(word));
      item.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    byId("maps-shown").value = `${shown} of ${maps.length}`;
  }
  if (maps.length) {
    whenChanged(["entry", "bounds", "marked"].map(byId), filterMaps);
    filterMaps();
  }

  // Places in the page

  function openTarget() {
    const target = location.hash.length > 1 ? byId(decodeURIComponent(location.hash.slice(1))) : null;
    if (target?.tagName !== "DETAILS") return;
    if (target.closest("li[hidden]")) reset();
    target.open = true;
    target.firstElementChild.focus({ preventScroll: true });
    target.scrollIntoView({ block: "start" });
  }
  addEventListener("hashchange", openTarget);
  openTarget();

  const links = new Map(all(".side nav a").map((link) => [link.hash.slice(1), link]));
  const seen = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) seen[entry.isIntersecting ? "add" : "delete"](entry.target.id);
    const current = [...links.keys()].find((id) => seen.has(id));
    for (const [id, link] of links) {
      if (id === current) {
        link.setAttribute("aria-current", "true");
        link.parentElement.scrollLeft = link.offsetLeft - link.parentElement.offsetLeft - 40;
      } else link.removeAttribute("aria-current");
    }
  }, { rootMargin: "-10% 0px -60% 0px" });
  for (const id of links.keys()) watcher.observe(byId(id));

  // Keys

  const help = byId("help");
  byId("keys").addEventListener("click", () => help.showModal());

  function move(by) {
    const items = all(".items > li:not([hidden]) > details > summary");
    const here = items.findIndex((item) => item.parentElement.contains(document.activeElement));
    const first = items.findIndex((item) => item.getBoundingClientRect().top >= 0);
    const next = here < 0 ? first : here + by;
    items[Math.min(Math.max(next, 0), items.length - 1)]?.focus();
  }
  const goTo = (id) => () => { location.hash = id; };
  const KEYS = {
    "/": () => query && (query.focus(), query.scrollIntoView({ block: "center" })),
    "?": () => help.showModal(),
    j: () => move(1), k: () => move(-1), e: () => findings.length && expandAll(), d: switchTheme,
    o: goTo("overview"), c: goTo("compliance"), m: goTo("modules"), f: goTo("findings"), t: goTo("maps"),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
    if (act) {
      event.preventDefault();
      act();
    }
  });

  // Paper: findings and analysis open, and the maps too unless they are very long

  const PRINTED_ROWS = 400;
  let opened = [];
  addEventListener("beforeprint", () => {
    const rows = data.maps.reduce((sum, map) => sum + map.length, 0);
    const said = all("#analysis .items > li, #undecided .items > li, #recommendations .items > li");
    const wanted = [...findings, ...said, ...(rows <= PRINTED_ROWS ? maps : [])].filter((item) => !item.hidden);
    opened = [...wanted.map((item) => item.firstElementChild), ...all("#compliance details")].filter((details) => !details.open);
    for (const details of opened) {
      details.open = true;
      if (details.dataset.map) drawMap(details);
    }
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    opened = [];
  });
})();
