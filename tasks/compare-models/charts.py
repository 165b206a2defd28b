"""The report's charts: Matplotlib's SVG, adapted for an HTML page.

Colours become the page's CSS variables, so that a chart follows light mode, dark mode and print; text stays text. Model
and base differ by shape and line style too, never by colour alone.
"""

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import matplotlib

matplotlib.use("svg")
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Colours in Matplotlib's SVG, and the page's variables that replace them.
COLOURS = {
    "#010101": "var(--ink)",
    "#020202": "var(--muted)",
    "#030303": "var(--line)",
    "#040404": "var(--base)",
    "#050505": "var(--candidate)",
    "#060606": "var(--limit)",
}
INK, MUTED, LINE, BASE, CANDIDATE, LIMIT = COLOURS
# In CSS pixels, the width of a phone: on wide pages charts are side by side.
WIDTH, DPI = 420, 72
LONGEST_LABEL = 22
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
SETTINGS = {
    # Names are user input: a dollar sign must not start a formula.
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "modelcar",
    "font.size": 13,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 12.5,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.color": LINE,
    "ytick.labelcolor": MUTED,
    "ytick.major.size": 0,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
}


@dataclass(frozen=True)
class Line:
    """One model's figures: points (x, y) joined by a line, and separate ones."""

    of_base: bool
    joined: Sequence[tuple[float, float]]
    alone: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Dot:
    value: float
    stderr: float | None
    of_base: bool = False


def chart(name: str, title: str, height: float, draw: Callable[[Axes], None]) -> str:
    """An <svg> with a title for screen readers; the name makes its ids unique among the charts."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, layout="constrained")
        draw(figure.add_subplot())
        output = io.StringIO()
        figure.savefig(output, format="svg", metadata={"Date": None, "Creator": None})
    return page_svg(output.getvalue(), name, title)


def bars(name: str, title: str, values: Sequence[tuple[str, float, bool]], shown: Callable[[float], str]) -> str:
    """A bar with its value for each (label, value, whether it is the base's)."""

    def draw(axes: Axes) -> None:
        labels = [short(label) for label, _, _ in values]
        rows = range(len(values))
        colours = [BASE if of_base else CANDIDATE for _, _, of_base in values]
        drawn = axes.barh(rows, [value for _, value, _ in values], height=0.56, color=colours)
        axes.bar_label(drawn, [shown(value) for _, value, _ in values], padding=6, color=INK)
        axes.set_yticks(rows, labels)
        axes.invert_yaxis()
        axes.set_xlim(0, max(value for _, value, _ in values) * 1.22)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)

    return chart(name, title, 34 + 40 * len(values), draw)


def dots(
    name: str, title: str, rows: Sequence[tuple[str, Sequence[Dot]]], label: str, limits: Sequence[float | None] = ()
) -> str:
    """A row for each task with its points and error bars; the limit of a gate is a bar across its row."""

    def draw(axes: Axes) -> None:
        for row, (_, points) in enumerate(rows):
            for place, dot in enumerate(points):
                spread = 0.14 if len(points) > 1 else 0
                y = row - spread + 2 * spread * place
                axes.errorbar(dot.value, y, xerr=dot.stderr, capsize=3, elinewidth=1.6, **style_of(dot.of_base))
        for row, limit in enumerate(limits):
            if limit is not None:
                axes.plot([limit, limit], [row - 0.34, row + 0.34], color=LIMIT, linewidth=2)
        axes.set_yticks(range(len(rows)), [short(task) for task, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="x")
        axes.set_axisbelow(True)

    return chart(name, title, 62 + 40 * len(rows), draw)


def lines(name: str, title: str, series: Iterable[Line], label: str, limit: float | None = None) -> str:
    """Lines over the request rate."""

    def draw(axes: Axes) -> None:
        for line in series:
            style, dashes = style_of(line.of_base), (0, (4, 2.5)) if line.of_base else "solid"
            axes.plot(*zip(*line.joined, strict=True), linewidth=1.8, linestyle=dashes, **style)
            for x, y in line.alone:
                axes.plot(x, y, markeredgewidth=1.8, fillstyle="none", **style)
        if limit is not None:
            axes.axhline(limit, color=LIMIT, linewidth=1.4)
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.set_xlabel("requests per second")
        axes.set_title(label, loc="left", fontsize=13, color=INK, pad=10)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="y")
        axes.set_axisbelow(True)

    return chart(name, title, 270, draw)


def style_of(of_base: bool) -> dict[str, Any]:
    """The circle is wider because a square of the same width looks larger."""
    return (
        {"color": BASE, "marker": "s", "markersize": 5.5}
        if of_base
        else {"color": CANDIDATE, "marker": "o", "markersize": 6.5}
    )


def short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"


def page_svg(text: str, name: str, title: str) -> str:
    """Matplotlib's document as an element of an HTML page."""
    root = ElementTree.fromstring(text)
    for child in list(root):
        if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}defs"):
            root.remove(child)
    identifiers = {element.get("id") for element in root.iter() if element.get("id")}
    for element in root.iter():
        element.tag = element.tag.partition("}")[2] or element.tag
        # Nothing is drawn outside the axes.
        element.attrib.pop("clip-path", None)
        for attribute, value in list(element.attrib.items()):
            del element.attrib[attribute]
            element.set(attribute.replace(f"{{{XLINK}}}", ""), fitted(value, name, identifiers, attribute == "id"))
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title")
    heading = ElementTree.Element("title", {"id": f"{name}-title"})
    heading.text = title
    root.insert(0, heading)
    return ElementTree.tostring(root, encoding="unicode")


def fitted(value: str, name: str, identifiers: set[str | None], is_identifier: bool) -> str:
    """An attribute's value with the page's colours and font, and with ids unique among the charts."""
    if is_identifier:
        return f"{name}-{value}"
    value = re.sub(r"#([\w.-]+)", lambda found: f"#{name}-{found[1]}" if found[1] in identifiers else found[0], value)
    value = re.sub(r"#0\d0\d0\d", lambda found: COLOURS.get(found[0], found[0]), value)
    return re.sub(r"\s*font-family:[^;]*;?", "", value)
