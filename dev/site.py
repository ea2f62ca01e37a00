"""`make docs`: build the site into .run/site, without a warning, and without another host.

A page must show, offline and to nobody else, what it has: a font, a script or a picture that
comes from another host fails the build. With `--on-a-phone`, as `make check` calls it, a page
that a telephone would have to scroll sideways fails it, too.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup

from dev import chromium, phone
from dev.layout import ROOT

SITE = ROOT / ".run" / "site"
LOADED = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "object": "data",
}
ON_A_PHONE = "--on-a-phone"
ONLY_NAMED = {"canonical", "prev", "next", "alternate"}
"""Kinds of `link` that load nothing."""


def foreign(folder: Path) -> Iterator[str]:
    """Yield what pages and style sheets would load from other hosts."""
    for page in sorted(folder.rglob("*.html")):
        soup = BeautifulSoup(page.read_text(), "html.parser")
        for name, attribute in LOADED.items():
            for tag in soup(name):
                address = str(tag.get(attribute, ""))
                if ONLY_NAMED & set(tag.get("rel") or []):
                    continue
                if address.startswith(("http:", "https:", "//")):
                    yield f"{page.relative_to(folder)} loads {address}"
        if soup.select(".mermaid"):
            yield f"{page.relative_to(folder)} has a diagram that a foreign script draws"
    for sheet in sorted(folder.rglob("*.css")):
        text = sheet.read_text()
        if "@import" in text or "url(http" in text or "url(//" in text:
            yield f"{sheet.relative_to(folder)} loads from another host"


def main() -> int:
    """Build; return the exit status."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr)
        return done.returncode
    offences = list(foreign(SITE))
    if ON_A_PHONE in sys.argv[1:]:
        chromium.ensure(lambda words: print(words, file=sys.stderr))
        offences += phone.too_wide(SITE)
    for offence in offences:
        print(offence, file=sys.stderr)
    if not offences:
        print(f"{len(list(SITE.rglob('*.html')))} pages in {SITE / 'index.html'}")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
