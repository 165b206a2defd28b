"""The report of a comparison with the same tables in two forms: a self-contained HTML page and Markdown."""

import re
from pathlib import Path
from typing import Any

from comparison import Comparison
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from json_object import JsonObject
from markupsafe import Markup
from provenance_table import provenance_table
from report_charts import load_charts, recovery_chart, score_chart, weights_chart
from report_tables import accuracy_table, cost_table, gates_table, loads_table, overview_table, weights_table

TEMPLATES = Path(__file__).with_name("templates")


def markdown_text(value: Any) -> str:
    """A value escaped as plain text for Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!$])", r"\\\1", " ".join(str(value).split()))


def verdict(comparison: Comparison) -> str:
    count = len(comparison.judgements)
    if not count:
        return "No gate was set, so nothing was judged."
    if comparison.passed:
        return "The gate holds." if count == 1 else f"All {count} gates hold."
    return f"{len(comparison.failed)} of {count} gates failed." if count > 1 else "The gate failed."


def contents(comparison: Comparison) -> JsonObject:
    """Variables of the templates: the tables, and data of the comparison."""
    measured = [subject for subject in comparison.subjects if subject.figures]
    setup = [subject.measurements.benchmark.setup for subject in measured if subject.measurements.benchmark]
    return {
        "comparison": comparison,
        "verdict": verdict(comparison),
        "gates": gates_table(comparison),
        "overview": overview_table(comparison),
        "weights": weights_table(comparison) if any(subject.weights_bytes for subject in comparison.subjects) else None,
        "accuracy": accuracy_table(comparison) if comparison.accuracies else None,
        "loads": [
            loads_table(subject, f"{'Base' if subject is comparison.base else 'Model'}: {subject.title}")
            for subject in measured
        ],
        "data": setup[-1]["data"][0] if setup else None,
        "cost": cost_table(comparison) if any(subject.cost for subject in comparison.subjects) else None,
        "provenance": provenance_table(comparison),
        "gated_recovery": any(judged.figure == "recovery" for judged in comparison.judgements),
        "gated_load": any(
            judged.figure in ("ttft-ms-p95", "itl-ms-p95", "output-tokens-per-second")
            for judged in comparison.judgements
        ),
    }


def html_report(comparison: Comparison) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def drawn(*found: str | None) -> list[Markup]:
        # From charts.py, which escapes its input.
        return [Markup(chart) for chart in found if chart]

    page: str = environment.get_template("report.html").render(
        contents(comparison),
        style=Markup((TEMPLATES / "report.css").read_text()),
        weights_charts=drawn(weights_chart(comparison)),
        accuracy_charts=drawn(score_chart(comparison), recovery_chart(comparison)),
        load_charts=drawn(*load_charts(comparison)),
    )
    return page


def markdown_report(comparison: Comparison) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        finalize=lambda value: value if isinstance(value, Markup) else markdown_text(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text: str = environment.get_template("report.md").render(contents(comparison))
    return text
