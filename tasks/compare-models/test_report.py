"""The report matches the tools' own reports in both forms, is self-contained, and is accessible."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from comparison import Comparison, Report, compare
from comparison_record import record_of
from gates import parse_gates
from json_object import JsonObject
from report import TEMPLATES, html_report, markdown_report

GATES = "recovery>=0.5 recovery:sums_normed>=5 ttft-ms-p95<=10000 error-rate<=1 output-tokens-per-second>=1"
REPORT = Report(
    "model-comparison-1", "uid-1", "2026-01-02T03:04:05+00:00", "s3://models/reports/sums/uid-1/report.html"
)
NASTY = "<script>alert('x')</script>|*b*`$a$ &amp; [l](http://x) </style>"


class Page(HTMLParser):
    """The tables of a page as lists of rows, its elements, and the URLs that it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.identifiers: list[str] = []
        self.referred: list[str] = []
        self._cell: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
                (self.referred if (value or "").startswith("#") else self.fetched).append(value or "")
            if name == "id":
                self.identifiers.append(value or "")
        match tag:
            case "table":
                self.tables.append([])
            case "tr":
                self.tables[-1].append([])
            case "td" | "th":
                self._cell = []

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.tables[-1][-1].append("".join(self._cell))
            self._cell = None


def markdown_tables(text: str) -> list[list[list[str]]]:
    """Tables of Markdown as rows of plain text."""
    tables: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if not line.startswith("|"):
            if tables[-1]:
                tables.append([])
        elif not line.startswith("| ---"):
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            tables[-1].append([re.sub(r"\\([^a-zA-Z0-9\s])", r"\1", cell.strip()) for cell in cells])
    return [table for table in tables if table]


@pytest.fixture
def comparison(subject: Callable) -> Comparison:
    return compare(subject("model"), subject("base"), parse_gates(GATES), REPORT)


def titled(tables: list[list[list[str]]], column: str) -> list[list[list[str]]]:
    return [table for table in tables if column in table[0]]


def test_both_forms_have_the_same_tables(comparison):
    page, text = Page(html_report(comparison)).tables, markdown_tables(markdown_report(comparison))
    # Only the page also has a sign for each gate.
    signs = [[[cell.removeprefix("✓ ").removeprefix("✗ ") for cell in row] for row in table] for table in page]
    assert signs == text
    assert len(text) == 8


def test_the_scores_are_those_of_lm_evaluation_harness(comparison, stored_reports):
    (table,) = titled(markdown_tables(markdown_report(comparison)), "Recovery")
    rows = {(task, metric.split(" ")[0]): figures for task, metric, *figures in table[1:]}
    raw = {side: stored_reports[side]["evaluation/results.json"] for side in ("base", "model")}
    seen = 0
    for task, metrics in raw["model"]["results"].items():
        for name, value in metrics.items():
            metric, comma, _ = name.partition(",")
            if not comma or metric.endswith("_stderr"):
                continue
            seen += 1
            questions, base, model, recovery = rows[task, metric]
            assert questions == str(raw["model"]["n-samples"][task]["effective"])
            for side, shown in (("base", base), ("model", model)):
                expected = raw[side]["results"][task]
                figure, _, error = shown.partition(" ± ")
                assert figure == f"{expected[name]:.4f}"
                stderr = expected[name.replace(",", "_stderr,")]
                assert error == ("" if stderr == "N/A" else f"{stderr:.4f}")
            quotient = value / raw["base"]["results"][task][name]
            less = raw["model"]["higher_is_better"][task][metric] is False
            assert recovery.split(" ")[0] == f"{1 / quotient if less else quotient:.4f}"
    assert seen == len(rows) == 6


def test_the_figures_of_the_loads_are_those_of_guidellm(comparison, stored_reports):
    record = record_of(comparison)
    tables = titled(markdown_tables(markdown_report(comparison)), "TTFT p95 (ms)")
    for side, table in zip(("base", "model"), tables, strict=True):
        raw = stored_reports[side]["benchmark/benchmarks.json"]["benchmarks"]
        assert len(raw) == len(table) - 1 == len(record[side]["benchmark"]["loads"]) == 6
        for reported, row, load in zip(raw, table[1:], record[side]["benchmark"]["loads"], strict=True):
            metrics = {
                name: found["successful"]
                for name, found in reported["metrics"].items()
                if "successful" in (found or {})
            }
            totals = reported["metrics"]["request_totals"]
            figures = {
                "requests_per_second": metrics["requests_per_second"]["mean"],
                "output_tokens_per_second": metrics["output_tokens_per_second"]["mean"],
                "total_tokens_per_second": metrics["tokens_per_second"]["mean"],
                "ttft_ms_p95": metrics["time_to_first_token_ms"]["percentiles"]["p95"],
                "itl_ms_p95": metrics["inter_token_latency_ms"]["percentiles"]["p95"],
            }
            for name, figure in figures.items():
                assert load[name] == round(figure, 3)
            shown = [float(cell.replace(",", "")) for cell in row[1:]]
            digits = (2, 1, 1, 1, 1)
            assert shown[:5] == [round(load[name], digit) for name, digit in zip(figures, digits, strict=True)]
            assert shown[5:] == [totals["successful"], totals["errored"]]
            rate = reported["config"]["strategy"].get("rate")
            assert load["rate"] == (None if rate is None else round(rate, 3))


def test_the_overview_has_the_lightest_and_the_best_load(comparison, stored_reports):
    rows = {row[0]: row[1:] for row in titled(markdown_tables(markdown_report(comparison)), "Of the base")[0][1:]}
    for place, side in enumerate(("base", "model")):
        loads = [load["metrics"] for load in stored_reports[side]["benchmark/benchmarks.json"]["benchmarks"]]
        best = max(load["output_tokens_per_second"]["successful"]["mean"] for load in loads)
        first = loads[0]["time_to_first_token_ms"]["successful"]["percentiles"]["p95"]
        assert rows["Output tokens per second"][place] == f"{round(best, 3):,.1f}"
        assert rows["Time to first token, p95 (ms)"][place] == f"{round(first, 3):,.1f}"
    assert rows["Weights"] == ["4.0 kB", "1.0 kB", "25.0%"]


def test_the_verdict_is_at_the_top_with_each_gate(comparison):
    text = html_report(comparison)
    assert (
        text.index("✗ Not passed")
        < text.index("1 of 7 gates failed.")
        < text.index("must be at least 5")
        < text.index("<table")
    )
    (gates,) = titled(Page(text).tables, "Limit")
    assert [row[1] for row in gates[1:]].count("✗ failed") == 1 and len(gates) == 8
    assert gates[4][3] == "≥ 5"


def test_the_page_is_self_contained(comparison):
    text = html_report(comparison)
    page = Page(text)
    assert page.fetched == []
    assert not {"script", "link", "img", "iframe", "object", "image"} & set(page.tags)
    assert not re.search(r"@import|url\((?!#)|xmlns|DejaVu", text)
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert len(set(page.identifiers)) == len(page.identifiers)
    assert {name.removeprefix("#") for name in page.referred} <= set(page.identifiers)


def test_every_chart_is_an_image_with_a_title(comparison):
    charts = re.findall(r"<svg[^>]*role=\"img\".*?</svg>", html_report(comparison), re.DOTALL)
    assert len(charts) == 6
    for chart in charts:
        root = ElementTree.fromstring(chart)
        assert (
            root[0].tag == "title" and root.get("aria-labelledby") == root[0].get("id") and len(root[0].text or "") > 20
        )
        # Every colour is a variable of the page, for dark mode and print.
        assert not re.search(r"#[0-9a-f]{6}\b", chart)


def test_user_input_is_escaped(subject, reports):
    """Names, versions, hardware, properties and what the reports themselves say."""
    files = {side: reports(side, name) for side, name in (("model", "sums-quantized"), ("base", "sums"))}
    for content in files.values():
        for name in ("evaluation/results.json", "evaluation/scores.json"):
            text = json.dumps(content[name]).replace('"sums_normed"', json.dumps(NASTY))
            content[name] = json.loads(text)
        content["summary.json"]["test_endpoint"] = NASTY
    odd = {"name": NASTY, "version": NASTY, "hardware": NASTY, "served_from": NASTY}
    properties = {"weights_bytes": "4", "huggingface_model": NASTY, "compression_calibration": NASTY}
    model = subject("model", files["model"], properties=properties, **odd)
    base = subject("base", files["base"], properties=properties, **odd)
    report = Report(NASTY, NASTY, NASTY, NASTY)
    comparison = compare(model, base, parse_gates("recovery>=5"), report)
    page = html_report(comparison)
    assert "script" not in Page(page).tags and page.count("</style>") == 1
    assert Page(page).fetched == []
    # All of it is shown as text, and the other form has the same tables.
    tables = Page(page).tables
    assert sum(NASTY in cell for table in tables for row in table for cell in row) >= 14
    text = markdown_report(comparison)
    assert [len(row) for table in markdown_tables(text) for row in table] == [
        len(row) for table in tables for row in table
    ]
    assert not re.search(r"(?<!\\)[<`$]|(?<!\\)\]\(", text)


def test_without_a_base_there_is_no_recovery(subject):
    comparison = compare(subject("model"), None, parse_gates("ttft-ms-p95<=10000"), REPORT)
    for text in (html_report(comparison), markdown_report(comparison)):
        assert "Recovery" not in text and "Base" not in text and "Of the base" not in text
        assert "The gate holds." in text
    record = record_of(comparison)
    assert (record["base"], record["throughput_ratio"], record["weights_ratio"]) == (None, None, None)


def test_unknown_figures_are_left_out(subject, reports):
    files = reports("model", "sums-quantized")
    for name in ("benchmark/benchmarks.json", "benchmark/figures.json"):
        del files[name]
    unknown: JsonObject = {"properties": {}, "hourly_usd": None, "hardware": "", "served_from": ""}
    comparison = compare(subject("model", files, **unknown), subject("base", hourly_usd=None), (), REPORT)
    text = html_report(comparison)
    assert "No gate was set, so nothing was judged." in text
    for heading, there in (("Accuracy", True), ("Cost", False), ("Throughput and latency", True), ("Gates", False)):
        assert (f"<h2>{heading}</h2>" in text) is there
    assert 'id="weights-title"' not in text and "4.0 kB" in text


def names_in(value: object) -> set[str]:
    match value:
        case dict():
            return set(value) | {name for item in value.values() for name in names_in(item)}
        case list() | tuple():
            return {name for item in value for name in names_in(item)}
    return set()


def test_every_name_of_the_record_is_documented(comparison):
    record = json.loads(json.dumps(record_of(comparison)))
    # Names from tools and names of tasks are not documented here.
    for side in (record["model"], record["base"]):
        side["registered"] = side["summary"] = None
        side["evaluation"]["setup"] = dict.fromkeys(side["evaluation"]["setup"])
        side["benchmark"]["setup"] = dict.fromkeys(side["benchmark"]["setup"])
    explained = set(re.findall(r"`([^`]+)`", Path(__file__).with_name("comparison-json.md").read_text()))
    assert names_in(record) - explained == set()


def contrast(one: str, other: str) -> float:
    """Of WCAG 2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_light_and_dark_have_enough_contrast():
    schemes = re.findall(r":root \{(.*?)\}", (TEMPLATES / "report.css").read_text(), re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--([\w-]+): (#\w{6})", scheme))
        for page in ("page", "panel"):
            for text in ("ink", "muted", "passed", "failed"):
                assert contrast(colours[text], colours[page]) >= 4.5, (text, page)
        for drawn in ("base", "candidate", "limit"):
            assert contrast(colours[drawn], colours["page"]) >= 3, drawn
