"""The charts of a comparison, for the figures that were measured."""

from collections.abc import Callable, Iterable

import charts
from comparison import Comparison, Subject
from figures import Load
from recovery import Accuracy
from report_tables import byte_count


def role(comparison: Comparison, subject: Subject) -> str:
    return "Base" if subject is comparison.base else "Model"


def weights_chart(comparison: Comparison) -> str | None:
    known = [
        (role(comparison, subject), count, subject is comparison.base)
        for subject in comparison.subjects
        if (count := subject.weights_bytes)
    ]
    if len(known) < len(comparison.subjects):
        return None
    title = "Size of the weights: " + ", ".join(f"{label} {byte_count(count)}" for label, count, _ in known)
    return charts.bars("weights", title, known, byte_count)


def score_chart(comparison: Comparison) -> str | None:
    """Scores from 0 to 1; others have different scales and are only in the table."""
    shown = [found for found in comparison.accuracies if found.primary and max(values_of(found)) <= 1]
    rows = [
        (
            found.task,
            [
                *([charts.Dot(found.base.value, found.base.stderr, of_base=True)] if found.base else []),
                charts.Dot(found.score.value, found.score.stderr),
            ],
        )
        for found in shown
    ]
    title = "Score of each task with its standard error, " + (
        "of base and model" if comparison.base else "of the model"
    )
    return charts.dots("scores", title, rows, "score ± standard error") if rows else None


def values_of(found: Accuracy) -> tuple[float, ...]:
    return (found.score.value, *((found.base.value,) if found.base else ()))


def recovery_chart(comparison: Comparison) -> str | None:
    known = [found for found in comparison.recoveries.values() if found.recovery is not None]
    if not known:
        return None
    limits = {(gate.task, gate.metric): gate.limit for gate in comparison.judgements if gate.figure == "recovery"}
    return charts.dots(
        "recovery",
        "Recovery of each task with its standard error: the model's score by the base's",
        [(found.task, [charts.Dot(found.recovery or 0, found.recovery_stderr)]) for found in known],
        "recovery ± standard error (1 = as the base)",
        [limits.get((found.task, found.score.metric)) for found in known],
    )


def load_charts(comparison: Comparison) -> list[str]:
    measured = [subject for subject in comparison.subjects if subject.figures]
    if not measured:
        return []

    def over_rate(name: str, heading: str, figure: Callable[[Load], float], gate: str) -> str:
        limit = next((judged.limit for judged in comparison.judgements if judged.figure == gate), None)
        series = [series_of(subject, subject is comparison.base, figure, name == "throughput") for subject in measured]
        return charts.lines(name, f"{heading} over the rate of requests", series, heading, limit)

    return [
        over_rate(
            "throughput",
            "Output tokens per second",
            lambda load: load.output_tokens_per_second,
            "output-tokens-per-second",
        ),
        over_rate("ttft", "Time to first token, p95 (ms)", lambda load: load.ttft_ms_p95, "ttft-ms-p95"),
        over_rate("itl", "Time between tokens, p95 (ms)", lambda load: load.itl_ms_p95, "itl-ms-p95"),
    ]


def series_of(subject: Subject, of_base: bool, figure: Callable[[Load], float], unbounded: bool) -> charts.Line:
    """Points over the target rate; loads without one are at the rate that they reached.

    The load that sends as many requests as possible has no rate. It is separate, and only shown if `unbounded` or if
    nothing else was measured: its latency is that of a queue, which would dwarf the others.
    """
    loads = subject.figures.loads if subject.figures else ()
    bounded = [load for load in loads if not load.strategy.startswith("throughput")] or loads
    rest = [load for load in loads if load not in bounded] if unbounded else []

    def points(chosen: Iterable[Load]) -> list[tuple[float, float]]:
        return sorted((load.rate or load.requests_per_second, figure(load)) for load in chosen)

    return charts.Line(of_base, points(bounded), points(rest))
