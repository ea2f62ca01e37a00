"""What MkDocs asks while it builds the site: the navigation's folders, and the API's pages.

MkDocs calls the functions of this module by their names (`hooks` in mkdocs.yml).
"""

import re
from pathlib import Path
from typing import Any

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from dev import api_reference
from dev.layout import ROOT

ELSEWHERE = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+)(?:#[^)\s]*)?\)")

Entry = str | dict[str, Any]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put a folder's pages into its place, and leave out pages that are not written yet."""
    made = {f"reference/{name}.md" for name in api_reference.DIALECTS}
    config.nav = _existing(config.nav or [], Path(config.docs_dir), made)
    return config


def _existing(entries: list[Entry], docs: Path, made: set[str]) -> list[Entry]:
    found: list[Entry] = []
    for entry in entries:
        title, target = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        if isinstance(target, list):
            if inside := _existing(target, docs, made):
                found.append({title: inside})
        elif target.endswith("/"):
            if pages := _pages_of(docs / target, docs):
                found.append({title: pages})
        elif target in made or (docs / target).is_file():
            found.append(entry)
    return found


def _pages_of(folder: Path, docs: Path) -> list[Entry]:
    pages = sorted(folder.rglob("*.md"), key=lambda page: (page.stem != "README", page))
    return [page.relative_to(docs).as_posix() for page in pages]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from docs/openapi.yaml."""
    described = yaml.load((ROOT / "docs/openapi.yaml").read_text(), yaml.CSafeLoader)
    for name, dialect in api_reference.DIALECTS.items():
        content = api_reference.page(described, dialect)
        path = f"reference/{name}.md"
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Files) -> str:
    """Name a file beside the documents instead of linking to it: the site does not have it.

    Raises: FileNotFoundError, where there is none of that name.
    """
    here = (Path(config.docs_dir) / page.file.src_uri).parent

    def named(found: re.Match[str]) -> str:
        target = (here / found[2]).resolve()
        if target.is_relative_to(config.docs_dir):
            return found[0]
        if not target.exists():
            raise FileNotFoundError(f"{page.file.src_uri} links to {found[2]}")
        return f"{found[1]} (`{target.relative_to(ROOT)}`)"

    return ELSEWHERE.sub(named, markdown)
