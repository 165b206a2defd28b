"""An evaluation's scores as a Tekton result: compact, because all results of a task share 4096 bytes."""

import json
import math
import re

from json_object import JsonObject
from task_support import TaskError

LONGEST = 3000  # bytes for the scores; the other results and Tekton's overhead take the rest
DIGITS = 6

Scores = dict[str, dict[str, float]]


def task_scores(metrics: JsonObject) -> dict[str, float]:
    """The metrics of one task, standard errors as <metric>_stderr; with the filter's name if there are several."""
    found: dict[str, float] = {}
    names = [key.partition(",") for key in metrics if "," in key]
    for metric, _, filter_name in names:
        several = sum(name == metric for name, _, _ in names) > 1
        value = metrics[f"{metric},{filter_name}"]
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue  # "N/A": no standard error
        found[f"{metric},{filter_name}" if several else metric] = value
    return found


def scores_of(results: JsonObject, names: list[str]) -> Scores:
    """The scores of the requested tasks or groups of tasks; TaskError if one has none."""
    everything = {**results["results"], **results.get("groups", {})}
    scores: Scores = {}
    for name in names:
        members = [name] if name in everything else results.get("group_subtasks", {}).get(name, [])
        # A tag itself has no scores.
        members = members or [
            task for task in everything if name in (results["configs"].get(task, {}).get("tag") or [])
        ]
        for member in members:
            scores[member] = task_scores(everything[member])
            values = [value for key, value in scores[member].items() if "_stderr" not in key]
            if not values or any(math.isnan(value) for value in values):
                raise TaskError(f"task {member} ended without a score")
        if not members:
            raise TaskError(f"task {name} ended without a score")
    return scores


def rounded(scores: Scores) -> Scores:
    return {name: {key: round(value, DIGITS) for key, value in task.items()} for name, task in scores.items()}


def compact(scores: Scores) -> str:
    """The scores as JSON of at most LONGEST bytes: if necessary only one metric per task, and then fewer tasks."""

    def text(chosen: Scores) -> str:
        return json.dumps(rounded(chosen), separators=(",", ":"))

    if len(text(scores).encode()) <= LONGEST:
        return text(scores)
    shorter = {name: dict(list(task.items())[:1]) for name, task in scores.items()}
    while len(text(shorter).encode()) > LONGEST:
        shorter.popitem()
    print(
        f"the result has {len(shorter)} of {len(scores)} tasks, one metric each; the file has all of them", flush=True
    )
    return text(shorter)


def check_minimum(scores: Scores, minimum: str) -> None:
    """TaskError with every score below its minimum; `minimum` is "<task>:<metric>>=<number> ..."."""
    problems = []
    for condition in minimum.split():
        match = re.fullmatch(r"([^:\s]+):([^>\s]+)>=(\d+(?:\.\d+)?)", condition)
        if not match:
            raise TaskError(f"MINIMUM_SCORES: {condition!r} must be <task>:<metric>>=<number>")
        task, metric, least = match[1], match[2], float(match[3])
        value = scores.get(task, {}).get(metric)
        if value is None:
            known = ", ".join(f"{name}:{key}" for name, keys in scores.items() for key in keys if "_stderr" not in key)
            problems.append(f"there is no score {task}:{metric}, only {known}")
        elif value < least:
            problems.append(f"{task}:{metric} is {value:.4f}, below {least}")
    if problems:
        raise TaskError("MINIMUM_SCORES: " + "; ".join(problems))
