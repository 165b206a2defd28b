"""What was measured of one model, read from the files that lm-evaluation-harness and GuideLLM themselves wrote.

They go through the functions that made scores.json and figures.json of them, which are compared with what is read.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from figures import Figures, figures_of
from json_object import JsonObject
from scores import rounded, scores_of
from task_support import TaskError

# Below the prefix that publish-test-results-v2 wrote to; the tool's own file, and what was summed up of it.
EVALUATION = ("evaluation/results.json", "evaluation/scores.json")
BENCHMARK = ("benchmark/benchmarks.json", "benchmark/figures.json")
SUMMARY = "summary.json"
FILES = (*EVALUATION, *BENCHMARK, SUMMARY)
# What of GuideLLM's settings must be the same for its figures to say the same.
BACKEND, SYNTHETIC = ("request_format",), ("kind", "prompt_tokens", "output_tokens")


@dataclass(frozen=True)
class Score:
    metric: str
    value: float
    stderr: float | None
    """As lm-evaluation-harness knows it for the metric; True where it does not say."""
    higher_is_better: bool


@dataclass(frozen=True)
class Evaluation:
    lm_eval_version: str
    """By task, the primary metric first: that which the task names first, else the first that is reported."""
    scores: dict[str, tuple[Score, ...]]
    """What the questions were: by the property's name, and by task."""
    setup: dict[str, JsonObject]

    def questions(self, task: str) -> int | None:
        """How many were asked; None for a group of tasks."""
        return self.setup["questions"].get(task)


@dataclass(frozen=True)
class Benchmark:
    figures: Figures
    """What was asked for: the profile, the length of prompts and answers."""
    setup: JsonObject


@dataclass(frozen=True)
class Measurements:
    evaluation: Evaluation | None
    benchmark: Benchmark | None
    """Properties that publish-test-results-v2 summed up: the run, its time, the endpoint."""
    summary: JsonObject


def read_measurements(files: Mapping[str, Any], place: str, model: str, version: str) -> Measurements:
    """Reads the JSON of those FILES that are there, by name; TaskError names the place of what is wrong."""
    summary = files.get(SUMMARY)
    if not isinstance(summary, dict):
        raise TaskError(f"{place}{SUMMARY} does not exist: publish-test-results-v2 did not end well there")
    if (summary.get("model"), summary.get("version")) != (model, version):
        measured = f"{summary.get('model')} {summary.get('version')}"
        raise TaskError(f"{place} has the measurements of {measured}, not of {model} {version}")
    evaluation = read_part(files, place, EVALUATION, read_evaluation)
    benchmark = read_part(files, place, BENCHMARK, read_benchmark)
    if not evaluation and not benchmark:
        raise TaskError(f"{place} has neither an evaluation nor a benchmark: measure the model first")
    return Measurements(evaluation, benchmark, summary)


def read_part(files: Mapping[str, Any], place: str, names: tuple[str, str], read: Any) -> Any:
    """What a tool reported; None if it did not run. Both of its files must be there and tell the same."""
    missing = [name for name in names if name not in files]
    if len(missing) == len(names):
        return None
    if missing:
        raise TaskError(f"{place}{missing[0]} does not exist, but {(set(names) - set(missing)).pop()} does")
    try:
        return read(files[names[0]], files[names[1]], f"{place}{names[1]}")
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise TaskError(f"{place}{names[0]} is not the report that is expected: {error!r}") from error


def read_evaluation(results: JsonObject, kept: JsonObject, place: str) -> Evaluation:
    scores = scores_of(results, list(kept["scores"]))
    if rounded(scores) != kept["scores"]:
        raise TaskError(f"{place} has other scores than the results beside it")
    return Evaluation(
        lm_eval_version=kept["lmEvalVersion"],
        scores={task: scores_of_task(results, task, metrics) for task, metrics in scores.items()},
        setup={
            "questions": {task: count["effective"] for task, count in results["n-samples"].items()},
            "few-shot examples": dict(results["n-shot"]),
            "version of the task": dict(results["versions"]),
            "commit of the data set": dict(results.get("about", {}).get("datasets", {})),
        },
    )


def scores_of_task(results: JsonObject, task: str, metrics: Mapping[str, float]) -> tuple[Score, ...]:
    directions = results.get("higher_is_better", {}).get(task, {})
    found = []
    for metric, value in metrics.items():
        name, comma, filter_name = metric.partition(",")
        if name.endswith("_stderr"):
            continue
        stderr = metrics.get(f"{name}_stderr{comma}{filter_name}")
        found.append(Score(metric, value, stderr, directions.get(name) is not False))
    listed = results["configs"].get(task, {}).get("metric_list") or [{}]
    primary = next((score for score in found if score.metric.partition(",")[0] == listed[0].get("metric")), found[0])
    return (primary, *(score for score in found if score is not primary))


def read_benchmark(report: JsonObject, kept: JsonObject, place: str) -> Benchmark:
    figures = figures_of(report)
    if not figures.loads:
        raise TaskError(f"{place}: the benchmark has no load")
    read = [asdict(load) for load in figures.loads]
    # What an earlier version of the task kept has fewer names.
    if [{name: load[name] for name in old} for load, old in zip(read, kept["loads"], strict=True)] != kept["loads"]:
        raise TaskError(f"{place} has other figures than the report beside it")
    spec = report["config"]["spec"]
    return Benchmark(
        figures,
        setup={
            **{name.replace("_", " "): spec["backend"].get(name) for name in BACKEND},
            "profile": {name: value for name, value in spec["profile"].items() if value not in (None, {}, 0.0)},
            "data": [{name: data.get(name) for name in SYNTHETIC} for data in spec["data"]],
            "limits": [
                {name: limit[name] for name in limit if name != "stopping_scope"} for limit in spec["constraints"]
            ],
        },
    )
