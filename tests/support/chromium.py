"""A real Chromium for the tests of pages: what it complains of, and what it shows."""

import base64
import io
import shutil
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SMALLEST_TEXT = 11  # CSS px, in a picture as shown
_PATIENCE = 120_000  # ms that a step may take: the machine may be busy
_DRAWN_TEXT = 13  # CSS px, in a picture as drawn


def found() -> str | None:
    """Where a Chromium lies, if there is one and playwright to drive it."""
    if find_spec("playwright") is None:
        return None
    return next(filter(None, map(shutil.which, NAMES)), None)


# Put on a test that opens a page: `pytestmark = in_chromium`.
in_chromium = [
    pytest.mark.browser,
    pytest.mark.skipif(found() is None, reason="no Chromium (or no playwright) on this machine"),
]


@contextmanager
def browser():
    """A running Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=found(), args=["--no-sandbox", "--disable-gpu"])
        try:
            yield running
        finally:
            running.close()


def open_page(running, path: Path, width: int = 1280, *, dark: bool = False):
    """The page opened from its file, and a list that gathers what goes wrong with it."""
    problems: list[str] = []
    address = path.resolve().as_uri()
    page = running.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    page.set_default_timeout(_PATIENCE)
    page.on("request", lambda r: _note(problems, r.url, address))
    page.on("console", lambda m: problems.append(f"console {m.type}: {m.text}"))
    page.on("pageerror", lambda e: problems.append(f"script error: {e}"))
    page.on("dialog", lambda d: (problems.append(f"a dialog opened: {d.message}"), d.dismiss()))
    page.goto(address)
    return page, problems


def check_page(path: Path, running=None) -> list[str]:
    """All that is wrong with a page, in words; an empty list is a good page. `running`: a browser to look with.

    Looked for, in light and dark, wide and at 360 px: a request for anything but the page; a message in the console; a
    script or dialog; a picture without text in its place, blank, or with too small text; headings out of order; a
    table header without scope; an id twice; text that stands out too little (AA); a page wider than the window.
    """
    problems = []
    with nullcontext(running) if running else browser() as at_hand:
        page, seen = open_page(
            at_hand, path
        )  # once: a reader, too, narrows a window and changes the light of one that is open
        for width, dark in ((1280, False), (1280, True), (360, False)):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme="dark" if dark else "light")
            wrong = page.evaluate(_LOOK, [SMALLEST_TEXT, _DRAWN_TEXT])
            blank = _blank(page) if width > 360 else []
            where = f"{path.name} at {width} px, {'dark' if dark else 'light'}: "
            problems += [where + words for words in (*wrong, *blank, *seen)]
            seen.clear()
        page.close()
    return list(dict.fromkeys(problems))


def screenshot(path: Path, png: Path, width: int = 1280, dark: bool = False) -> None:
    """The whole page as a picture."""
    with browser() as running:
        page, _ = open_page(running, path, width, dark=dark)
        page.screenshot(path=str(png), full_page=True)


def _note(problems: list[str], url: str, address: str) -> None:
    if url.partition("#")[0] != address and not url.startswith("data:"):
        problems.append(f"asked for {url[:100]}")


def _blank(page) -> list[str]:
    """Pictures of one colour throughout."""
    from PIL import Image

    places = page.evaluate(_PICTURES)
    if not places:
        return []
    # Not `page.screenshot`: Chromium would spend most of the time on a small file.
    fast = {"captureBeyondViewport": True, "optimizeForSpeed": True}
    taken = page.context.new_cdp_session(page).send("Page.captureScreenshot", fast)
    whole = Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("RGB")
    shown = [(alt, whole.crop(tuple(map(round, box)))) for alt, box in places]
    return [
        f"a blank picture: {alt[:60]}" for alt, picture in shown if picture.getcolors(2)
    ]  # None where there are more


# Of each picture that is seen its text and its place on the page.
_PICTURES = """
() => [...document.querySelectorAll('img')].filter(img => img.checkVisibility({visibilityProperty: true})).map(img => {
  const box = img.getBoundingClientRect();
  return [img.alt || '', [box.left + scrollX, box.top + scrollY, box.right + scrollX, box.bottom + scrollY]];
}).filter(([, [left, top, right, bottom]]) => right - left > 0.5 && bottom - top > 0.5)
"""


_LOOK = r"""
([least, drawn]) => {
  const problems = [], say = words => problems.push(words);
  const all = selector => [...document.querySelectorAll(selector)];
  if (!document.documentElement.lang) say('no language');
  if (all('h1').length !== 1) say(`${all('h1').length} h1`);
  let level = 0;
  for (const h of all('main h1,main h2,main h3,main h4,main h5,main h6')) {
    const now = +h.tagName[1];
    if (level && now > level + 1) say(`heading skips to ${h.tagName}: ${h.textContent.slice(0, 40)}`);
    level = now;
  }
  for (const img of all('img')) {
    if (!(img.alt || '').trim()) say('a picture without text in its place');
    if (!img.complete || !img.naturalWidth) say(`a picture that does not load: ${img.alt.slice(0, 40)}`);
    else if (img.src.startsWith('data:image/svg') && img.clientWidth &&
             drawn * img.clientWidth / img.naturalWidth < least)
      say(`text of ${(drawn * img.clientWidth / img.naturalWidth).toFixed(1)} px in a picture`);
  }
  for (const th of all('th')) if (!th.scope) say(`a header without scope: ${th.textContent.slice(0, 40)}`);
  const ids = all('[id]').map(e => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) say(`id twice: ${id}`);
  for (const a of all('a[href^="#"]'))
    if (!document.getElementById(decodeURIComponent(a.hash.slice(1)))) say(`link to nowhere: ${a.getAttribute('href')}`);
  if (document.documentElement.scrollWidth > innerWidth + 1)
    say(`wider than the window: ${document.documentElement.scrollWidth} px`);
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > .99) return c; }
    return [255, 255, 255, 1]; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), faint = new Set();
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility()) continue;
    const style = getComputedStyle(e), svg = e.closest('svg');
    const ink = parse(svg ? style.fill : style.color), paper = behind(e);
    const [a, b] = [light(ink.slice(0, 3)), light(paper.slice(0, 3))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) faint.add(`${e.tagName}.${e.getAttribute('class') || ''} ${((a + .05) / (b + .05)).toFixed(1)}`);
  }
  for (const words of faint) say(`faint text: ${words}`);
  return problems;
}
"""
