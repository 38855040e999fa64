// What a page of `segmap report` does beside being read: the slider over the faults, and the
// details of a single page. All data are in the element #segmap-report.
"use strict";
const begin = () => {
  const LETTERS = ".fC0Aswk?"; // as the classes s0 to s8 of page.css
  const RARITY = ".?kf0wsAC"; // as rank() of report_rows.c
  const ACCESS = ["access", "read", "write", "execute"];
  const data = JSON.parse(document.getElementById("segmap-report").textContent);
  // Where faults could not be watched there is none.
  const line = data.timeline || { time_ns: [], row: [], every: 1, of: 0 };
  const count = line.time_ns.length;
  const map = document.getElementById("map");
  const detail = document.getElementById("detail");
  const cursor = document.getElementById("cursor");
  const geometry = {
    x: Number(map.dataset.x), columns: Number(map.dataset.columns),
    width: Number(map.dataset.width), height: Number(map.dataset.height),
  };

  // ---- states ----

  const rows = data.rows.map((row, index) => {
    const entry = new Map(), exit = new Map();
    for (const [page, pages, before, after] of row.runs)
      for (let i = page; i < page + pages; i++) {
        if (before !== ".") entry.set(i, before);
        if (after !== ".") exit.set(i, after);
      }
    const cells = document.getElementById(`cells-${index}`);
    return { row, index, entry, exit, now: exit, cells, y: Number(cells.dataset.y), faults: null };
  });
  const frames = rows.map(({ row }) => new Map((row.frames || []).map(([page, ...rest]) => [page, rest])));
  let position = count; // so many faults have happened

  // What a page is after a fault of this class.
  function letterAfter(r, page, cls, before) {
    if (cls === "file-mapped") return "f";
    if (cls === "zero-page") return "0";
    if (cls === "shared-mapped") return "s";
    if (cls === "kernel") return "k";
    if (cls.startsWith("copy-")) return r.row.kind.startsWith("file") ? "C" : "A";
    if (cls.startsWith("zero-") || cls === "stack-growth") return "A";
    if (cls === "signal" || cls === "already-there") return before;
    return before !== "." ? before : r.exit.get(page) || "."; // made writable, or not known
  }

  // Neighbours that came along: the nearest that were of the file, up to as many as are known,
  // and as a page of a page table reaches.
  function mapAround(r, page, around) {
    for (let d = 1; around > 0 && d < data.page_size / 8; d++)
      for (const p of [page - d, page + d]) {
        if (around > 0 && !r.now.has(p) && /[fC]/.test(r.exit.get(p) || "")) {
          r.now.set(p, "f");
          around--;
        }
      }
  }

  function happen(i) {
    const r = rows[line.row[i]];
    if (!r) return;
    const page = line.page[i], cls = line.classes[line.class[i]];
    const letter = letterAfter(r, page, cls, r.now.get(page) || ".");
    if (letter !== ".") r.now.set(page, letter);
    if (cls === "file-mapped") mapAround(r, page, line.around[i]);
    r.dirty = true;
  }

  function moveTo(target) {
    if (target === count && data.exit_seen) {
      for (const r of rows) { r.now = r.exit; r.dirty = true; }
    } else {
      const again = target < position || position === count;
      if (again)
        for (const r of rows) { r.now = new Map(r.entry); r.dirty = true; }
      for (let i = again ? 0 : position; i < target; i++) happen(i);
    }
    position = target;
    for (const r of rows) if (r.dirty) draw(r);
  }

  // ---- drawing, as report_picture.c does it ----

  function cellLetter(r, cell) {
    const per = r.row.pages_per_letter;
    if (per === 1) return r.now.get(cell) || ".";
    let best = ".";
    for (let p = cell * per; p < (cell + 1) * per; p++) {
      const letter = r.now.get(p);
      if (letter && RARITY.indexOf(letter) > RARITY.indexOf(best)) best = letter;
    }
    return best;
  }

  // Of a mapping with very many pages only those that are there are looked at.
  function cellLetters(r) {
    const n = Math.ceil(r.row.pages / r.row.pages_per_letter);
    if (r.row.pages <= 65536) return Array.from({ length: n }, (_, cell) => cellLetter(r, cell));
    const letters = Array(n).fill(".");
    for (const [page, letter] of r.now) {
      const cell = Math.floor(page / r.row.pages_per_letter);
      if (RARITY.indexOf(letter) > RARITY.indexOf(letters[cell])) letters[cell] = letter;
    }
    return letters;
  }

  function draw(r) {
    const letters = cellLetters(r);
    const { x, columns, width, height } = geometry;
    const parts = [];
    for (let at = 0, y = r.y; at < letters.length; at += columns, y += height) {
      const some = letters.slice(at, at + columns);
      for (let i = 0, end; i < some.length; i = end) {
        for (end = i + 1; end < some.length && some[end] === some[i]; end++);
        if (some[i] !== ".")
          parts.push(`<rect class="s${LETTERS.indexOf(some[i])}" x="${x + i * width}" y="${y}" ` +
            `width="${(end - i) * width}" height="${height - 1}"/>`);
      }
      const xs = some.map((_, i) => x + i * width + width / 2).join(" ");
      parts.push(`<text class="l" x="${xs}" y="${y + 10}">${some.join("")}</text>`);
    }
    r.cells.innerHTML = parts.join("");
    r.dirty = false;
  }

  // ---- the slider ----

  const player = document.getElementById("player");
  const slider = Object.assign(document.createElement("input"), {
    type: "range", id: "slider", min: 0, max: count, value: count, step: 1,
  });
  slider.setAttribute("aria-label", "page faults that have happened");
  const output = Object.assign(document.createElement("output"), { htmlFor: "slider", id: "fault" });
  const mark = cursor.cloneNode();
  mark.id = "now";
  map.append(mark);

  const when = (ns) => ns < 1e6 ? `+${Math.floor(ns / 1000)} us` : `+${(ns / 1e6).toFixed(2)} ms`;

  function causeOf(i) {
    return `${line.kernel[i] ? "kernel" : "user"} ${ACCESS[line.access[i]]}`;
  }

  function faultText(i) {
    const r = rows[line.row[i]];
    const at = r ? `page ${line.page[i]} of ${r.row.start} ${r.row.perms} ${baseName(r.row.name)}` : "a mapping that is gone";
    const by = line.by[i] >= 0 ? ` by ${line.names[line.by[i]]}` : "";
    const around = line.around[i] ? `, ${line.around[i]} near it too` : "";
    return `${when(line.time_ns[i])}  ${causeOf(i)}: ${line.classes[line.class[i]].replaceAll("-", " ")}${around}. ` +
      `${line.names[line.where[i]]}${by}, ${at}`;
  }

  function positionText() {
    const sampled = line.every > 1 ? `, each ${line.every}th of ${line.of}` : "";
    if (position === count) return `${data.exit_seen ? "At exit" : "At the end"}: all ${count} faults have happened${sampled}.`;
    if (position === 0) return `At entry: none of ${count} faults has happened${sampled}.`;
    return `${position} of ${count}${sampled}  ${faultText(position - 1)}`;
  }

  function place(rect, r, page) {
    const cell = Math.floor(page / r.row.pages_per_letter);
    rect.setAttribute("x", geometry.x + (cell % geometry.columns) * geometry.width);
    rect.setAttribute("y", r.y + Math.floor(cell / geometry.columns) * geometry.height);
    rect.setAttribute("visibility", "visible");
  }

  function show() {
    output.textContent = positionText();
    slider.setAttribute("aria-valuetext", output.textContent);
    const i = position - 1, r = position < count && i >= 0 ? rows[line.row[i]] : null;
    if (r) place(mark, r, line.page[i]);
    else mark.setAttribute("visibility", "hidden");
    if (shown.r) showPage(shown.r, shown.page);
  }

  function go(target) {
    moveTo(Math.max(0, Math.min(count, target)));
    slider.value = position;
    show();
  }

  let timer = 0;
  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
  }
  function start() {
    if (position === count) go(0);
    play.textContent = "Pause";
    const step = Math.max(1, Math.round(count / 400));
    timer = setInterval(() => {
      go(position + step);
      if (position === count) stop();
    }, 60);
  }
  function button(text, label, action) {
    const b = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    b.setAttribute("aria-label", label);
    b.addEventListener("click", action);
    return b;
  }
  const play = button("Play", "play the faults", () => (timer ? stop() : start()));
  const controls = document.createElement("div");
  controls.className = "controls";
  controls.append(
    button("Entry", "go to the entry", () => { stop(); go(0); }),
    button("\u2039", "one fault back", () => { stop(); go(position - 1); }),
    play,
    button("\u203a", "one fault on", () => { stop(); go(position + 1); }),
    button("Exit", "go to the exit", () => { stop(); go(count); }),
    slider);
  player.append(controls, output);
  player.hidden = !data.timeline;
  slider.addEventListener("input", () => { stop(); go(Number(slider.value)); });

  // ---- one page ----

  const shown = { r: null, page: 0 };
  const NAMES = { ".": "absent", f: "file", C: "copy", 0: "zero", A: "anon", s: "shared", w: "swapped", k: "kernel", "?": "unknown" };
  const named = (letter) => `${letter} ${NAMES[letter]}`;
  const hex = (value) => `0x${value.toString(16)}`;
  function baseName(path) {
    return path.slice(path.lastIndexOf("/") + 1) || path || "anonymous";
  }

  // The faults of a row by page: the last one counts.
  function lastFault(r, page, pages) {
    if (!r.faults) {
      r.faults = new Map();
      for (let i = 0; i < count; i++) if (line.row[i] === r.index) r.faults.set(line.page[i], i);
    }
    for (let p = page; p < page + pages; p++) if (r.faults.has(p)) return r.faults.get(p);
    return -1;
  }

  function sectionsAt(row, start, end) {
    const names = row.sections.filter((s) => BigInt(s.addr) < end && BigInt(s.addr) + BigInt(Math.max(1, s.size)) > start);
    return names.map((s) => s.name).join(" ");
  }

  function pageText(r, page) {
    const { row } = r, size = BigInt(data.page_size), pages = Math.min(row.pages_per_letter, row.pages - page);
    const start = BigInt(row.start) + BigInt(page) * size, end = start + BigInt(pages) * size;
    const parts = [pages > 1 ? `${hex(start)}, ${pages} pages` : hex(start), row.perms, row.kind, baseName(row.name)];
    if (row.kind.startsWith("file")) parts.push(`offset ${hex(BigInt(row.offset) + BigInt(page) * size)}`);
    if (row.segment !== undefined) parts.push(`segment ${row.segment}`);
    const sections = sectionsAt(row, start, end);
    if (sections) parts.push(sections);
    const now = position < count ? `, now ${named(r.now.get(page) || ".")}` : "";
    parts.push(`at entry ${row.at_entry ? named(r.entry.get(page) || ".") : "not mapped"}${now}, ` +
      `at exit ${row.at_exit ? named(r.exit.get(page) || ".") : "not mapped"}`);
    const frame = frames[r.index].get(page);
    if (frame && row.at_exit) parts.push(`frame ${hex(frame[0])}${frame[1] ? ` mapped ${frame[1]} times` : ""}`);
    const fault = lastFault(r, page, pages);
    if (fault >= 0) parts.push(`last fault ${when(line.time_ns[fault])}: ${line.classes[line.class[fault]].replaceAll("-", " ")}` +
      (line.by[fault] >= 0 ? ` by ${line.names[line.by[fault]]}` : ` by the kernel`));
    return parts.join(" \u00b7 ");
  }

  function showPage(r, page) {
    shown.r = r;
    shown.page = page;
    detail.textContent = pageText(r, page);
    place(cursor, r, page);
  }

  function hide() {
    shown.r = null;
    detail.textContent = "";
    cursor.setAttribute("visibility", "hidden");
  }

  function pageAt(r, event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());
    const column = Math.floor((point.x - geometry.x) / geometry.width);
    const row = Math.floor((point.y - r.y) / geometry.height);
    const cells = Math.ceil(r.row.pages / r.row.pages_per_letter);
    const cell = Math.max(0, row) * geometry.columns + Math.max(0, Math.min(geometry.columns - 1, column));
    return Math.min(cell, cells - 1) * r.row.pages_per_letter;
  }

  const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -geometry.columns, ArrowDown: geometry.columns };
  function onKey(r, event) {
    if (event.key === "Escape") return hide();
    const per = r.row.pages_per_letter, last = Math.floor((r.row.pages - 1) / per) * per;
    let page = shown.r === r ? shown.page : 0;
    if (event.key in STEPS) page += STEPS[event.key] * per;
    else if (event.key === "Home") page = 0;
    else if (event.key === "End") page = last;
    else return undefined;
    event.preventDefault();
    return showPage(r, Math.max(0, Math.min(last, page)));
  }

  for (const g of map.querySelectorAll(".row")) {
    const r = rows[Number(g.dataset.row)];
    g.addEventListener("mousemove", (event) => showPage(r, pageAt(r, event)));
    g.addEventListener("mouseleave", hide);
    g.addEventListener("focus", () => { if (shown.r !== r) showPage(r, 0); });
    g.addEventListener("blur", hide);
    g.addEventListener("click", (event) => { g.focus({ preventScroll: true }); showPage(r, pageAt(r, event)); });
    g.addEventListener("keydown", (event) => onKey(r, event));
  }
  if (!data.exit_seen) moveTo(count);
  show();
  document.documentElement.dataset.ready = "yes";
};
// After the page has been painted: what is there to be read must not wait for this.
requestAnimationFrame(() => setTimeout(begin));
