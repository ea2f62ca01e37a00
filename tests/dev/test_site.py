"""The site shows nothing of another host, and its references say what the description says."""

from pathlib import Path

import pytest
import yaml

from dev import api_reference, phone, site
from dev.layout import ROOT


@pytest.mark.parametrize(
    "content",
    [
        '<script src="https://unpkg.com/mermaid"></script>',
        '<link rel="stylesheet" href="//fonts.googleapis.com/css">',
        '<img src="https://img.example/badge.svg">',
        '<pre class="mermaid">graph TD</pre>',
    ],
)
def test_what_another_host_would_send_is_found(tmp_path: Path, content: str) -> None:
    """A page that is read offline, or in private, has all that it shows."""
    (tmp_path / "page.html").write_text(content)

    assert len(list(site.foreign(tmp_path))) == 1


def test_a_font_of_another_host_is_found_in_a_style_sheet(tmp_path: Path) -> None:
    """A style sheet loads, too."""
    (tmp_path / "a.css").write_text("@font-face { src: url(https://fonts.example/a.woff2) }")

    assert len(list(site.foreign(tmp_path))) == 1


def test_links_and_own_files_are_let_pass(tmp_path: Path) -> None:
    """A link loads nothing until somebody follows it."""
    (tmp_path / "page.html").write_text(
        '<a href="https://stripe.com">Stripe</a><script src="own.js"></script>'
        '<link rel="canonical" href="https://docs.example/page">'
    )

    assert list(site.foreign(tmp_path)) == []


def test_the_references_name_every_operation_once() -> None:
    """What a function answers can be looked up."""
    described = yaml.load((ROOT / "docs/openapi.yaml").read_text(), yaml.CSafeLoader)
    pages = [api_reference.page(described, it) for it in api_reference.DIALECTS.values()]
    told = sorted(line for page in pages for line in page.splitlines() if "{ #" in line)

    expected = sorted(
        f"### {method.upper()} {path} {{ #{operation['operationId'].replace('_', '-')} }}"
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
        if method in api_reference.METHODS
    )
    assert [line for line in told if "#shape-" not in line] == expected


def test_the_references_lead_to_every_shape_that_they_name() -> None:
    """A shape without its table would be a dead link, and fail the build."""
    described = yaml.load((ROOT / "docs/openapi.yaml").read_text(), yaml.CSafeLoader)
    for dialect in api_reference.DIALECTS.values():
        page = api_reference.page(described, dialect)
        named = {part.split(")")[0] for part in page.split("(#")[1:]}
        given = {
            line.split("{ #")[1].rstrip(" }") for line in page.splitlines() if "{ #" in line
        }

        assert {name for name in named if name.startswith("shape-")} <= given


def test_a_page_that_a_phone_would_scroll_sideways_is_found(tmp_path: Path) -> None:
    """One page is too wide, one fits, and a wide block that scrolls by itself is none."""
    inside = {
        "index.html": "<p>Short words.</p>",
        "guides/block.html": '<div style="overflow: auto"><p style="width: 700px"></p></div>',
        "guides/wide.html": '<p style="width: 500px">Wide.</p>',
        "picture.html": '<img src="wide.svg">',
    }
    (tmp_path / "guides").mkdir()
    for name, html in inside.items():
        page = f"<head></head><body style='margin: 0'><article>{html}</article></body>"
        (tmp_path / name).write_text(page)
    (tmp_path / "wide.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="9"/>'
    )

    assert list(phone.too_wide(tmp_path)) == [
        "guides/wide.html is 110 pixels too wide for a screen of 390",
        "picture.html is 210 pixels too wide for a screen of 390",
    ]
