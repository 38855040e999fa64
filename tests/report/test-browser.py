#!/usr/bin/env python3
"""The page of `segmap report` in Debian's chromium: elements, slider, keyboard, mouse, colours,
widths, print. TAP. Takes the packages chromium, chromium-driver and fonts-dejavu-core.

usage: test-browser.py SEGMAP TESTDATA [PICTURES]

With PICTURES, a folder, the screenshots are left there, to be looked at.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from page import Page
from webdriver import Browser, count_pdf_pages

segmap, testdata = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
pictures = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
count = failed = 0
LIMIT = 600
PAINT = 2.0  # seconds that the first paint may take, where chromium is as fast as it should be
SLOW = 10  # how many times slower a machine may be


def report(name, why=None):
    global count, failed
    count += 1
    failed += bool(why)
    print(f"{'not ok' if why else 'ok'} {count} - {name}", flush=True)
    if why:
        print("#", str(why)[:600].replace("\n", " "))


def test(function):
    try:
        report(function.__doc__, function())
    except Exception as error:  # a failure, whatever it is
        report(function.__doc__, f"{type(error).__name__}: {error}")


def make(name, *arguments):
    path = folder / name
    done = subprocess.run([str(a) for a in (segmap, "report", "-o", path, *arguments)], timeout=LIMIT,
                          stdin=subprocess.DEVNULL, capture_output=True, cwd=folder,
                          env={"PATH": "/usr/bin:/bin", "HOME": "/", "LANG": "C.UTF-8"})
    assert done.returncode == 0, (done.returncode, done.stderr)
    return path


def show(path, width=1280, height=900, dark=False):
    browser.emulate(dark=dark)
    browser.resize(width, height)
    browser.open(path)
    end = time.monotonic() + LIMIT
    while not browser.run("return document.documentElement.dataset.ready"):
        assert time.monotonic() < end, "the script has not begun"
        time.sleep(0.02)
    browser.run("document.documentElement.style.scrollBehavior = 'auto'")


def quiet():
    log = [entry for entry in browser.log() if entry["level"] != "DEBUG"]
    assert not log, log[:3]


def look(name):
    data = browser.screenshot(pictures / name if pictures else None)
    assert len(data) > 5000, f"{name}: an empty picture"


def letters(row):
    """What is drawn of a row, top to bottom."""
    return browser.run("return [...document.querySelectorAll(`#cells-${arguments[0]} text`)]"
                       ".map((t) => t.textContent).join('')", row)


def expected(page, row, after):
    row = page.data["rows"][row]
    text = ["."] * row["pages"]
    for first, pages, before, later in row["runs"]:
        text[first:first + pages] = (later if after else before) * pages
    return "".join(text)


def small_rows(page):
    return [i for i, r in enumerate(page.data["rows"]) if r["pages_per_letter"] == 1]


def opens(path):
    """opens without a word in the console, and all its parts are there to be seen"""
    show(path)
    quiet()
    for part in ("picture", "pages", "faults", "plan", "stack", "compare", "share"):
        box = browser.run("const r = document.getElementById(arguments[0]).getBoundingClientRect();"
                          "return [r.width, r.height]", part)
        assert min(box) > 20, (part, box)
    page = Page(path.read_text())
    assert not page.faults, page.faults[:3]
    for row in small_rows(page):
        assert letters(row) == expected(page, row, True), row
    assert browser.run("return document.documentElement.scrollWidth") <= 1280
    assert browser.run("return performance.getEntriesByType('resource').length") == 0, "it loads something"


def slider_goes_through_faults(path):
    """the slider colours pages as the faults did, from the entry to the exit, and says by whom"""
    show(path)
    page = Page(path.read_text())
    line = page.data["timeline"]
    last = len(line["time_ns"])
    assert browser.run("return document.getElementById('slider').max") == str(last)
    set_slider(0)
    for row in small_rows(page):
        assert letters(row) == expected(page, row, False), ("entry", row)
    assert f"none of {last}" in browser.text("#fault"), browser.text("#fault")
    # The first fault of which it can be seen what it did.
    for i in range(last):
        if line["row"][i] in small_rows(page) and line["classes"][line["class"][i]].startswith("copy-first"):
            break
    else:
        raise AssertionError("no copy at all")
    row, number = line["row"][i], line["page"][i]
    set_slider(i)
    assert letters(row)[number] == ".", letters(row)
    set_slider(i + 1)
    assert letters(row)[number] == "C", letters(row)
    text = browser.text("#fault")
    assert f"{i + 1} of {last}" in text and "copy first write" in text, text
    assert line["by"][i] < 0 or line["names"][line["by"][i]] in text, text
    assert browser.run("return document.getElementById('now').getAttribute('visibility')") == "visible"
    if pictures and path.name == "static.html":
        look("slider.png")
    set_slider(last)
    for row in small_rows(page):
        assert letters(row) == expected(page, row, True), ("exit", row)
    quiet()


def set_slider(value):
    browser.run("const s = document.getElementById('slider'); s.value = arguments[0];"
                "s.dispatchEvent(new Event('input'))", value)


def faults_lead_to_exit(path):
    """what the faults did adds up to what the page tables say at the end"""
    show(path)
    page = Page(path.read_text())
    last = len(page.data["timeline"]["time_ns"])
    set_slider(last - 1)
    wrong = total = 0
    for row in small_rows(page):
        if not page.data["rows"][row]["at_exit"]:
            continue
        for seen, real in zip(letters(row), expected(page, row, True)):
            if real in "CA0":
                total += 1
                wrong += seen != real
    # Those of the kernel mode are not seen everywhere; the last fault is still to come.
    if page.data["faults"]["kernel_mode_seen"]:
        assert wrong <= 1 + total // 20, (wrong, total)
    quiet()


def keyboard(path):
    """all of it can be reached by keyboard alone: slider, mappings, pages"""
    show(path)
    seen = []
    for _ in range(40):
        browser.press("tab")
        seen.append(browser.run("const a = document.activeElement; return a.id || a.dataset.row || a.tagName"))
        if seen[-1] == "1":
            break
    assert "slider" in seen and "0" in seen and seen[-1] == "1", seen
    browser.run("document.getElementById('slider').focus()")
    value = int(browser.run("return document.getElementById('slider').value"))
    browser.press("left")
    assert f"{value - 1} of {value}" in browser.text("#fault"), browser.text("#fault")
    browser.press("home")
    assert "none of" in browser.text("#fault")
    browser.press("end")
    page = Page(path.read_text())
    row = max(small_rows(page), key=lambda i: page.data["rows"][i]["pages"])
    data = page.data["rows"][row]
    browser.run("document.querySelector(`[data-row='${arguments[0]}']`).focus()", row)
    start, size = int(data["start"], 16), page.data["page_size"]
    assert hex(start) in browser.text("#detail"), browser.text("#detail")
    browser.press("right", "right")
    assert hex(start + 2 * size) in browser.text("#detail"), browser.text("#detail")
    browser.press("end")
    assert hex(start + (data["pages"] - 1) * size) in browser.text("#detail")
    browser.press("home", "left")
    assert hex(start) in browser.text("#detail")
    assert data["perms"] in browser.text("#detail") and data["kind"] in browser.text("#detail")
    if pictures and path.name == "bash.html":
        look("keyboard.png")
    browser.press("escape")
    assert browser.text("#detail") == ""
    quiet()


def mouse(path):
    """the page under the mouse is described: offset, address, kind, section, state"""
    show(path)
    page = Page(path.read_text())
    row = next(i for i in small_rows(page) if page.data["rows"][i]["kind"] == "file-private"
               and page.data["rows"][i]["sections"] and page.data["rows"][i]["pages"] > 1)
    data = page.data["rows"][row]
    x, y = browser.run("const t = document.querySelector(`#cells-${arguments[0]} text`);"
                       "t.scrollIntoView({block: 'center'}); const m = document.getElementById('map').getScreenCTM();"
                       "const g = document.getElementById('map').dataset;"
                       "const p = new DOMPoint(Number(g.x) + 1.5 * g.width, Number(t.getAttribute('y')) - 4)"
                       ".matrixTransform(m); return [p.x, p.y]", row)
    browser.hover(x, y)
    text = browser.text("#detail")
    size = page.data["page_size"]
    for wanted in (hex(int(data["start"], 16) + size), f"offset {hex(int(data['offset'], 16) + size)}",
                   "file-private", data["perms"], "at exit"):
        assert wanted in text, (wanted, text)
    assert any(s["name"] in text for s in data["sections"]), text
    browser.hover(2, 2)
    assert browser.text("#detail") == ""
    quiet()


def play(path):
    """Play goes to the exit by itself, and Pause stops it"""
    show(path)
    browser.run("document.querySelector('[aria-label=\"play the faults\"]').click()")
    browser.run("document.querySelector('[aria-label=\"play the faults\"]').click()")
    assert browser.text("[aria-label='play the faults']") == "Play"
    browser.run("document.querySelector('[aria-label=\"play the faults\"]').click()")
    end = time.monotonic() + LIMIT
    while "At exit" not in browser.text("#fault"):
        assert time.monotonic() < end, browser.text("#fault")
        time.sleep(0.05)
    quiet()


CONTRAST = """
const parse = (c) => c.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
  .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
const body = getComputedStyle(document.body);
const ink = light(parse(body.color)), worst = [];
worst.push(["page", ratio(ink, light(parse(body.backgroundColor)))]);
for (const i of document.querySelectorAll('.legend i')) {
  const color = parse(getComputedStyle(i).backgroundColor);
  if (color[3] !== 0) worst.push([i.textContent, ratio(light(parse(getComputedStyle(i).color)), light(color))]);
}
return worst;
"""


def colours(path):
    """light and dark: every letter can be read on its colour, and the page follows the setting"""
    grounds = {}
    for dark in (False, True):
        show(path, dark=dark)
        grounds[dark] = browser.run("return getComputedStyle(document.body).backgroundColor")
        low = [pair for pair in browser.run(CONTRAST) if pair[1] < 4.5]
        assert not low, (dark, low)
        look(f"{path.stem}-{'dark' if dark else 'light'}.png")
        quiet()
    assert grounds[False] != grounds[True], grounds


def narrow(path):
    """400 pixels wide: nothing but the wide parts has to be scrolled sideways"""
    show(path, width=400, height=900)
    assert browser.run("return document.documentElement.scrollWidth") <= 400
    wide = browser.run("return [...document.querySelectorAll('main *, header *')].filter((e) =>"
                       "e.getBoundingClientRect().right > 401 && !e.closest('.scroll')).map((e) => e.tagName)")
    assert not wide, wide[:5]
    look(f"{path.stem}-400.png")
    for part in ("pages", "plan", "stack"):
        browser.run("document.getElementById(arguments[0]).scrollIntoView()", part)
        look(f"{path.stem}-400-{part}.png")
    quiet()


def prints(path):
    """printed: no slider, nothing cut off, colours of the letters kept"""
    show(path)
    browser.emulate(media="print")
    assert browser.run("return getComputedStyle(document.getElementById('player')).display") == "none"
    pages = count_pdf_pages(browser.print_pdf())
    assert 2 <= pages <= 60, pages
    browser.emulate()
    quiet()


def without_script(path):
    """without JavaScript all but the slider is there"""
    browser.devtools("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.emulate()
        browser.resize(1280, 900)
        browser.open(path)
        page = Page(path.read_text())
        for number in (0, len(page.data["rows"]) - 1):
            element = browser.find(f"[data-row='{number}']")
            box = browser.get(f"/element/{element}/rect")
            assert box["width"] > 100 and box["height"] > 20, box
        assert browser.text("#stack h2") == "The initial stack"
        player = browser.find("#player")
        assert browser.get(f"/element/{player}/displayed") is False
        look(f"{path.stem}-no-script.png")
        quiet()
    finally:
        browser.devtools("Emulation.setScriptExecutionDisabled", {"value": False})


def large(path):
    """100,000 faults: painted soon, and the slider answers"""
    show(path)
    paint = browser.run("return performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
    assert paint < PAINT * SLOW, paint
    print(f"# first paint after {paint:.2f} s, {path.stat().st_size >> 10} KiB")
    set_slider(50000)
    assert re.match(r"50000 of 10\d\d\d\d", browser.text("#fault")), browser.text("#fault")
    set_slider(49999)
    assert browser.text("#fault").startswith("49999 of"), browser.text("#fault")
    quiet()


def named(function, path):
    def case():
        return function(path)
    case.__doc__ = f"{path.stem}: {function.__doc__}"
    return case


folder = pathlib.Path(tempfile.mkdtemp(prefix="segmap-browser-test-"))
os.chmod(folder, 0o755)
try:
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    paths = [
        make("static.html", testdata / "show-faults"),
        make("busybox.html", "-n", "5", "busybox", "ls", "/"),
        make("bash.html", "-n", "5", "bash", "-c", 'x=$(echo hello); echo "$x"'),
        make("python3.html", "python3", "-c", "import json"),
    ]
    with Browser() as browser:
        for path in paths:
            for function in (opens, slider_goes_through_faults, faults_lead_to_exit, keyboard, mouse):
                test(named(function, path))
        for function in (play, colours, narrow, without_script):
            test(named(function, paths[2]))
        for function in (colours, prints):
            test(named(function, paths[1]))
        test(named(large, make("large.html", "--no-compare", testdata / "show-many-faults")))
finally:
    shutil.rmtree(folder)
print(f"1..{count}")
sys.exit(failed > 0)
