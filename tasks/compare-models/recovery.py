"""How much of its base's scores and throughput a model keeps, if both were measured in the same way."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from measurements import Benchmark, Evaluation, Measurements, Score
from task_support import TaskError


@dataclass(frozen=True)
class Accuracy:
    """A metric of a task, for the model and its base."""

    task: str
    score: Score
    primary: bool
    """None for a group of tasks."""
    questions: int | None
    few_shot: int | None
    """None without a base."""
    base: Score | None
    """Share of the base's score that is kept, 1 = all; None if it is undefined or there is no base."""
    recovery: float | None
    """Its standard error; None if one of the scores has none."""
    recovery_stderr: float | None


def recovery_of(score: Score, base: Score) -> tuple[float | None, float | None]:
    """Candidate / base, or base / candidate if less is better, with its standard error.

    The error is that of a quotient by the delta method, r * sqrt((se_c / c)^2 + (se_b / b)^2), for independent samples.
    Both models answer the same questions, so the samples are correlated and the true error is rather smaller. The
    formula below also works for a score of 0. If the divisor is not above 0, the recovery is undefined.
    """
    above, below = (score, base) if score.higher_is_better else (base, score)
    if below.value <= 0 or above.value < 0:
        return None, None
    recovery = above.value / below.value
    if score.stderr is None or base.stderr is None:
        return recovery, None
    return recovery, math.hypot(above.stderr or 0, recovery * (below.stderr or 0)) / below.value


def accuracies(model: Measurements, base: Measurements | None) -> tuple[Accuracy, ...]:
    """Each metric of each task that both have; TaskError if their evaluations differ."""
    evaluation, base_evaluation = model.evaluation, base.evaluation if base else None
    if not evaluation:
        return ()
    if base_evaluation:
        check_alike("evaluations", differing_evaluations(evaluation, base_evaluation))
    return tuple(
        accuracy(evaluation, task, score, found_in(base_evaluation, task, score), score is scores[0])
        for task, scores in evaluation.scores.items()
        for score in scores
    )


def found_in(evaluation: Evaluation | None, task: str, wanted: Score) -> Score | None:
    scores = evaluation.scores[task] if evaluation else ()
    return next((score for score in scores if score.metric == wanted.metric), None)


def accuracy(evaluation: Evaluation, task: str, score: Score, base: Score | None, primary: bool) -> Accuracy:
    recovery, stderr = recovery_of(score, base) if base else (None, None)
    few_shot = evaluation.setup["few-shot examples"].get(task)
    return Accuracy(task, score, primary, evaluation.questions(task), few_shot, base, recovery, stderr)


def throughput_ratio(model: Measurements, base: Measurements | None) -> float | None:
    """Highest output tokens per second divided by the base's; TaskError if their benchmarks differ."""
    if not model.benchmark or not base or not base.benchmark:
        return None
    check_alike("benchmarks", differing_benchmarks(model.benchmark, base.benchmark))
    least = base.benchmark.figures.best.output_tokens_per_second
    return model.benchmark.figures.best.output_tokens_per_second / least if least else None


def check_alike(what: str, differences: Iterator[str]) -> None:
    found = list(differences)
    if found:
        raise TaskError(
            f"the {what} of the model and its base differ, so they cannot be compared: {'; '.join(found)};"
            " measure both in the same way"
        )


def differing_evaluations(model: Evaluation, base: Evaluation) -> Iterator[str]:
    if set(model.scores) != set(base.scores):
        yield f"tasks {', '.join(model.scores)}, base {', '.join(base.scores)}"
        return
    for task, scores in model.scores.items():
        if scores[0].metric != base.scores[task][0].metric:
            yield f"primary metric of {task} {scores[0].metric}, base {base.scores[task][0].metric}"
    for name, values in model.setup.items():
        others = base.setup[name]
        for task in sorted(values.keys() | others.keys()):
            if values.get(task) != others.get(task):
                yield f"{name} of {task} {values.get(task, 'none')}, base {others.get(task, 'none')}"


def differing_benchmarks(model: Benchmark, base: Benchmark) -> Iterator[str]:
    for name, value in model.setup.items():
        if value != base.setup[name]:
            yield f"{name} {text(value)}, base {text(base.setup[name])}"


def text(value: Any) -> str:
    match value:
        case dict():
            return " ".join(f"{name.replace('_', ' ')} {text(item)}" for name, item in value.items())
        case list():
            return " and ".join(text(item) for item in value)
    return str(value)
