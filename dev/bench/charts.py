"""Charts as SVG, of plain rectangles and words: nothing is loaded, nothing moves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, ROW, GAP = 760, 20, 14
LEFT, RIGHT, TOP = 190, 110, 46
COLOURS = ("#b0413e", "#d9a441", "#1b7f79", "#5a5a72")
END_GREY = "text-anchor='end' fill='#666'"
FONT = "font-family='system-ui, sans-serif' font-size='12'"


@dataclass(frozen=True)
class Bar:
    """One figure of a group; None where it was not measured."""

    name: str
    value: float | None
    colour: str


@dataclass(frozen=True)
class Group:
    """Figures that are compared."""

    title: str
    bars: Sequence[Bar]


def bars(title: str, unit: str, groups: Sequence[Group]) -> str:
    """Return a chart of horizontal bars on a logarithmic scale, each with its figure."""
    values = [bar.value for group in groups for bar in group.bars if bar.value]
    least = 10 ** math.floor(math.log10(min(values))) if values else 1
    most = max([*values, least * 10])
    count = sum(len(group.bars) for group in groups)
    height = TOP + count * ROW + len(groups) * GAP + 10
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' {FONT}>",
        f"<rect width='{WIDTH}' height='{height}' fill='white'/>",
        f"<text x='12' y='22' font-size='15' font-weight='600'>{escape(title)}</text>",
        f"<text x='{WIDTH - 12}' y='22' {END_GREY}>{escape(unit)}, logarithmic</text>",
    ]
    y = TOP
    for group in groups:
        for number, bar in enumerate(group.bars):
            label = f"{group.title} · {bar.name}" if number == 0 else bar.name
            parts += _bar(bar, label, y, _length(bar.value, least, most))
            y += ROW
        y += GAP
    return "\n".join([*parts, "</svg>"]) + "\n"


def _length(value: float | None, least: float, most: float) -> float:
    """Return how long a bar is; what is there at all is seen."""
    if not value:
        return 0.0
    room = WIDTH - LEFT - RIGHT
    return max(3.0, room * math.log10(max(value, least) / least) / math.log10(most / least))


def _bar(bar: Bar, label: str, y: float, length: float) -> list[str]:
    said = "not measured" if bar.value is None else f"{bar.value:,.4g}"
    if bar.value is not None and bar.value >= 1000:
        said = f"{bar.value:,.0f}"
    middle, height = y + ROW - 6, f"height='{ROW - 4}'"
    return [
        f"<text x='{LEFT - 8}' y='{middle}' text-anchor='end'>{escape(label)}</text>",
        f"<rect x='{LEFT}' y='{y + 2}' width='{length:.1f}' {height} fill='{bar.colour}'/>",
        f"<text x='{LEFT + length + 6:.1f}' y='{middle}' fill='#333'>{said}</text>",
    ]
