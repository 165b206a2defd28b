"""The figures of a comparison as tables of text, shared by both forms of the report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from comparison import Comparison, Subject
from figures import Load
from gates import Judgement
from recovery import Accuracy

NONE = "–"


@dataclass(frozen=True)
class Table:
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Number of text columns, which come first; the others are figures."""
    texts: int = 1
    """Whether a row is a failed gate."""
    failed: tuple[bool, ...] = ()


def byte_count(count: float) -> str:
    """In decimal units, as in model cards and object stores: 17.0 GB."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} B"


def usd(value: float | None) -> str:
    if value is None:
        return NONE
    return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.4f}"


def with_error(value: float | None, stderr: float | None) -> str:
    if value is None:
        return NONE
    return f"{value:.4f}" + (f" ± {stderr:.4f}" if stderr is not None else "")


def share(value: float | None, base: float | None) -> str:
    return f"{value / base:.1%}" if value is not None and base else NONE


def gates_table(comparison: Comparison) -> Table:
    def row(judgement: Judgement) -> tuple[str, ...]:
        unit = f" {judgement.unit}" if judgement.unit else ""
        error = f" ± {judgement.stderr:.4f}" if judgement.stderr is not None else ""
        figure = judgement.shown(judgement.value) + (error + unit if judgement.value is not None else "")
        result = "passed" if judgement.passed else "failed"
        return (judgement.label, result, figure, f"{judgement.relation} {judgement.limit:g}{unit}")

    rows = tuple(map(row, comparison.judgements))
    failed = tuple(not judgement.passed for judgement in comparison.judgements)
    return Table("Gates", ("Gate", "Result", "Figure", "Limit"), rows, texts=2, failed=failed)


def columns_of(comparison: Comparison, first: str, *more: str) -> tuple[str, ...]:
    return (first, *(("Base",) if comparison.base else ()), "Model", *(more if comparison.base else ()))


Row = tuple[str, Callable[[Subject], str], str]
"""Label, the figure of a subject, the model's share of the base's."""


def side_by_side(comparison: Comparison, caption: str, rows: Sequence[Row]) -> Table:
    built = (
        (label, *(figure(subject) for subject in comparison.subjects), *((part,) if comparison.base else ()))
        for label, figure, part in rows
    )
    return Table(caption, columns_of(comparison, "Figure", "Of the base"), tuple(built))


def overview_table(comparison: Comparison) -> Table:
    """The figures for a decision; latency at the lightest load, throughput at the best load."""

    def row(label: str, value: Callable[[Subject], float | None], shown: Callable[[float], str]) -> Row:
        def text(subject: Subject) -> str:
            found = value(subject)
            return NONE if found is None else shown(found)

        base = value(comparison.base) if comparison.base else None
        return label, text, share(value(comparison.model), base)

    rows = [
        row("Weights", lambda subject: subject.weights_bytes, byte_count),
        ("Hardware", lambda subject: subject.hardware or NONE, ""),
        row("Cost per hour", lambda subject: subject.hourly_usd, usd),
        row("Output tokens per second", load_figure(True, "output_tokens_per_second"), "{:,.1f}".format),
        row("Time to first token, p95 (ms)", load_figure(False, "ttft_ms_p95"), "{:,.1f}".format),
        row("Time between tokens, p95 (ms)", load_figure(False, "itl_ms_p95"), "{:,.1f}".format),
        row(
            "Failed requests", lambda subject: subject.figures.error_rate if subject.figures else None, "{:.2%}".format
        ),
        row(
            "Cost per million output tokens",
            lambda subject: subject.cost.per_million_output_tokens if subject.cost else None,
            usd,
        ),
    ]
    known = [row for row in rows if any(row[1](subject) != NONE for subject in comparison.subjects)]
    return side_by_side(comparison, "Overview", known)


def load_figure(best: bool, name: str) -> Callable[[Subject], float | None]:
    def figure(subject: Subject) -> float | None:
        if not subject.figures:
            return None
        value: float | None = getattr(subject.figures.best if best else subject.figures.loads[0], name)
        return value

    return figure


def weights_table(comparison: Comparison) -> Table:
    base = comparison.base.weights_bytes if comparison.base else None
    part = share(comparison.model.weights_bytes, base)

    def row(label: str, shown: Callable[[int], str]) -> Row:
        return label, lambda subject: shown(subject.weights_bytes) if subject.weights_bytes else NONE, part

    rows = [row("Size", byte_count), row("Bytes", "{:,}".format)]
    return side_by_side(comparison, "Size of the weights", rows)


def accuracy_table(comparison: Comparison) -> Table:
    def row(found: Accuracy) -> tuple[str, ...]:
        metric = found.score.metric + ("" if found.score.higher_is_better else " (less is better)")
        asked = NONE if found.questions is None else str(found.questions)
        model = with_error(found.score.value, found.score.stderr)
        if not comparison.base:
            return (found.task, metric, asked, model)
        base = with_error(found.base.value, found.base.stderr) if found.base else NONE
        recovery = (
            "undefined" if found.base and found.recovery is None else with_error(found.recovery, found.recovery_stderr)
        )
        return (found.task, metric, asked, base, model, recovery)

    columns = ("Task", "Metric", *columns_of(comparison, "Questions", "Recovery"))
    return Table("Scores ± standard error", columns, tuple(map(row, comparison.accuracies)), texts=2)


def loads_table(subject: Subject, caption: str) -> Table:
    def row(load: Load) -> tuple[str, ...]:
        return (
            load.strategy,
            f"{load.requests_per_second:,.2f}",
            f"{load.output_tokens_per_second:,.1f}",
            f"{load.total_tokens_per_second:,.1f}",
            f"{load.ttft_ms_p95:,.1f}",
            f"{load.itl_ms_p95:,.1f}",
            f"{load.successful:,}",
            f"{load.errored:,}",
        )

    columns = (
        "Load",
        "Requests/s",
        "Output tokens/s",
        "All tokens/s",
        "TTFT p95 (ms)",
        "ITL p95 (ms)",
        "Answered",
        "Failed",
    )
    return Table(caption, columns, tuple(map(row, subject.figures.loads if subject.figures else ())))


def cost_table(comparison: Comparison) -> Table:
    names = {
        "Per hour": "per_hour",
        "Per month of 730 hours": "per_month",
        "Per million output tokens": "per_million_output_tokens",
        "Per million prompt tokens": "per_million_prompt_tokens",
        "Per million tokens of both": "per_million_tokens",
    }

    def value(subject: Subject | None, name: str) -> float | None:
        return getattr(subject.cost, name) if subject and subject.cost else None

    rows = [
        (
            label,
            lambda subject, name=name: usd(value(subject, name)),
            share(value(comparison.model, name), value(comparison.base, name)),
        )
        for label, name in names.items()
    ]
    return side_by_side(comparison, "Cost in USD", rows)
