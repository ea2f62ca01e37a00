"""Every runbook has its drill, and its line in the list of them."""

import re
from pathlib import Path

from tests.drills.playbook import PAGES

NOT_PLAYED = {"README", "alerts"}


def test_every_page_is_played_and_listed() -> None:
    """A page that nobody plays rots unseen, and one that is not listed is not found."""
    pages = {page.stem for page in PAGES.glob("*.md")} - NOT_PLAYED
    drills = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))

    played = re.findall(r'playbook\(\s*"([\w-]+)"', drills)
    listed = re.findall(r"\]\(([\w-]+)\.md\) \|", (PAGES / "README.md").read_text())

    assert sorted(played) == sorted(listed) == sorted(pages)
