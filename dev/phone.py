"""Whether the pages of the site fit a telephone: what is too wide has to scroll by itself.

All articles are put into one page, which the browser lays out once, with the site's own scripts
(they let a wide table scroll); each is then looked at alone. A hundred pages opened one by one
would take a minute.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from dev import chromium

WIDTH, HEIGHT = 390, 844
WITHIN_MS = 120_000
END = "</article>"
PICTURE = re.compile(r'\b(src)="(?!\w+:)([^"]+)"')
TABLES_SCROLL = """() => [...document.querySelectorAll('article table:not([class])')]
  .every((table) => table.closest('.md-typeset__scrollwrap'))"""
OVERHANGS = """() => {
  const all = [...document.querySelectorAll('article[data-page]')];
  const root = document.documentElement;
  all.forEach((it) => { it.hidden = true; });
  return all.map((it) => {
    it.hidden = false;
    const overhang = root.scrollWidth - root.clientWidth;
    it.hidden = true;
    return [it.dataset.page, overhang];
  });
}"""


def too_wide(folder: Path) -> Iterator[str]:
    """Yield which pages of the site in a folder would scroll sideways, and by how much.

    Raises: Failed, where there is no browser.
    """
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        page_of_all = Path(made) / "all.html"
        page_of_all.write_text(_together(folder))
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=chromium.options()
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(WITHIN_MS)
        page.goto(page_of_all.as_uri())
        page.wait_for_function(TABLES_SCROLL)
        for name, overhang in page.evaluate(OVERHANGS):
            if overhang > 0:
                yield f"{name} is {overhang} pixels too wide for a screen of {WIDTH}"
        browser.close()


def _together(folder: Path) -> str:
    """Return the first page with the articles of all pages in the place of its own."""
    before, _, after = _split((folder / "index.html").read_text())
    base = f'<base href="{folder.resolve().as_uri()}/">'
    articles = [_found_at(page, folder) for page in sorted(folder.rglob("*.html"))]
    return "".join([before.replace("<head>", f"<head>{base}", 1), *articles, after])


def _found_at(page: Path, folder: Path) -> str:
    """Return a page's article with its name, and with its pictures found from anywhere."""
    article = _split(page.read_text())[1]
    here = page.parent.resolve().as_uri()
    named = f'<article data-page="{page.relative_to(folder).as_posix()}"'
    return PICTURE.sub(rf'\1="{here}/\2"', article.replace("<article", named, 1))


def _split(html: str) -> tuple[str, str, str]:
    begin, end = html.index("<article"), html.rindex(END) + len(END)
    return html[:begin], html[begin:end], html[end:]
