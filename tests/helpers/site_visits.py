"""What a browser notices on a page: messages, requests, layout, accessibility.

Here: one visit of a page and what is wrong with it. Not here: which pages, and what
should stand on them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESK = {"width": 1440, "height": 900}
TELEPHONE = {"width": 390, "height": 844}

# Texts that lie on each other, that are cut off or stick out, and charts without marks.
LAYOUT = """
() => {
  const wrong = [];
  const said = node => node.textContent.trim().replace(/\\s+/g, ' ').slice(0, 60);
  // Of each element: is it hidden, and what part of the page may it be seen in?
  const known = new Map();
  const about = element => {
    if (!element || element === document.documentElement)
      return {hidden: false, scroller: null};
    if (known.has(element)) return known.get(element);
    const above = about(element.parentElement);
    const style = getComputedStyle(element);
    const own = {
      hidden: above.hidden || style.visibility === 'hidden'
        || style.clipPath !== 'none' || element.classList.contains('skip'),
      scroller: above.scroller
        ?? (['auto', 'scroll'].includes(style.overflowX) ? element : null),
    };
    known.set(element, own);
    return own;
  };
  const hidden = element => about(element).hidden;
  const scrolls = element => about(element).scroller !== null;
  const visible = (element, box) => {
    const frame = about(element).scroller?.getBoundingClientRect();
    if (!frame) return box;
    const left = Math.max(box.left, frame.left);
    const right = Math.min(box.right, frame.right);
    return new DOMRect(left, box.top, Math.max(0, right - left), box.height);
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.data.trim() || node.parentElement.closest('title, desc')) continue;
    if (hidden(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      const box = visible(node.parentElement, rect);
      if (box.width > 1 && box.height > 1) texts.push({node, box});
    }
  }
  texts.sort((a, b) => a.box.top - b.box.top);
  for (let i = 0; i < texts.length; i++) {
    const a = texts[i].box;
    for (let j = i + 1; j < texts.length && texts[j].box.top < a.bottom; j++) {
      const b = texts[j].box;
      const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (width > 2 && height > 0.4 * Math.min(a.height, b.height))
        wrong.push(`overlap: "${said(texts[i].node)}" and "${said(texts[j].node)}"`);
    }
  }
  const room = document.documentElement.clientWidth;
  for (const {node, box} of texts) {
    const parent = node.parentElement;
    if ((box.right > room + 1 || box.left < -1) && !scrolls(parent))
      wrong.push(`sticks out: "${said(node)}"`);
    const svg = parent.closest('svg');
    if (!svg) continue;
    const frame = svg.getBoundingClientRect();
    if (box.left < frame.left - 2 || box.right > frame.right + 2
        || box.top < frame.top - 3 || box.bottom > frame.bottom + 3)
      wrong.push(`outside its drawing: "${said(node)}"`);
    const group = parent.closest('g');
    const rect = svg.classList.contains('drawn-map') && group?.querySelector('rect');
    if (rect) {
      const own = rect.getBoundingClientRect();
      if (box.left < own.left - 1 || box.right > own.right + 1)
        wrong.push(`wider than its box: "${said(node)}"`);
    }
  }
  for (const element of document.body.querySelectorAll('*')) {
    if (element.closest('svg') || hidden(element)) continue;
    const style = getComputedStyle(element);
    for (const [side, inner, outer] of [
      ['overflowX', element.scrollWidth, element.clientWidth],
      ['overflowY', element.scrollHeight, element.clientHeight]])
      if (['hidden', 'clip'].includes(style[side]) && inner > outer + 1)
        wrong.push(`cut off: "${said(element)}"`);
  }
  if (document.scrollingElement.scrollWidth > room + 1)
    wrong.push(`the page is ${document.scrollingElement.scrollWidth} px wide`);
  for (const svg of document.querySelectorAll('svg[role=img]')) {
    if (!svg.getClientRects().length) continue;
    if (!svg.querySelector('title')?.textContent.trim()
        || !svg.querySelector('desc')?.textContent.trim())
      wrong.push('a chart without title or description');
    const marks = [...svg.querySelectorAll('path, line, rect, circle, polygon')]
      .filter(mark => {
        const box = mark.getBoundingClientRect();
        const {fill, stroke} = getComputedStyle(mark);
        const own = [fill, stroke]
          .some(one => !['none', 'transparent', 'rgba(0, 0, 0, 0)'].includes(one));
        return own && (box.width > 1 || box.height > 1);
      });
    if (marks.length < 3)
      wrong.push(`an empty chart: "${said(svg.querySelector('title') ?? svg)}"`);
  }
  for (const figure of document.querySelectorAll('figure'))
    if (!figure.querySelector('svg')) wrong.push(`no chart: "${said(figure)}"`);
  return [...new Set(wrong)];
}
"""

OPEN_TWO = """
() => {
  for (const one of document.querySelectorAll('details')) {
    const before = one.parentElement.querySelectorAll(':scope > details[open]');
    if (before.length < 2) one.open = true;
  }
}
"""

AXE = """
async () => {
  const found = await axe.run(document, 
    {resultTypes: ['violations'], preload: false});
  return found.violations
    .filter(one => ['serious', 'critical'].includes(one.impact))
    .map(one => `${one.id}: ${one.nodes[0].html.slice(0, 150)}`
      + ` ${one.nodes[0].any[0]?.message ?? ''} (${one.nodes.length})`);
}
"""


@dataclass
class Visit:
    """What was wrong with a page at one width; lists of readable sentences."""

    path: Path
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    layout: list[str] = field(default_factory=list)
    accessibility: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "/".join(self.path.parts[-3:])


def watch(page: Page, seen: Callable[[], Visit]) -> None:
    """Note what the page says and asks for in the visit of the moment."""
    page.on("console", lambda message: seen().messages.append(message.text))
    page.on("pageerror", lambda error: seen().messages.append(str(error)))
    page.on("requestfailed", lambda one: _failed(seen(), one.url, one.failure))
    page.on("request", lambda request: _asked(seen(), request.url))


def _asked(seen: Visit, url: str) -> None:
    if url != "about:blank":
        seen.requests.append(url)


def _failed(seen: Visit, url: str, why: str | None) -> None:
    # A page that is left stops loading its icon.
    if "ERR_ABORTED" not in (why or ""):
        seen.messages.append(f"failed: {url}")


def look(page: Page, seen: Visit, axe: str | None) -> None:
    """Everything open, at both widths; accessibility where an engine is given."""
    if axe is not None:
        # Two of a kind: the others have the same markup, and contrast takes its time.
        page.evaluate(OPEN_TWO)
        page.evaluate(axe)
        seen.accessibility += page.evaluate(AXE)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    seen.layout += page.evaluate(LAYOUT)
    page.set_viewport_size(TELEPHONE)
    seen.layout += [f"telephone: {one}" for one in page.evaluate(LAYOUT)]


def visit_all(
    browser: Browser, paths: Iterable[Path], audited: Container[Path], axe: str
) -> list[Visit]:
    """Every page from its file, one after the other; `audited` ones with axe too."""
    visits: list[Visit] = []
    page = browser.new_page(viewport=DESK)
    watch(page, lambda: visits[-1])
    for path in paths:
        # What an old page still says or asks for is not the next one's.
        page.goto("about:blank")
        visits.append(Visit(path))
        page.set_viewport_size(DESK)
        page.goto(path.as_uri())
        look(page, visits[-1], axe if path in audited else None)
    page.close()
    return visits


def wrong(visits: Iterable[Visit], what: str) -> list[tuple[str, Any]]:
    """Pages with something under this heading, for the message of an assertion."""
    return [(one.name, getattr(one, what)[:4]) for one in visits if getattr(one, what)]
