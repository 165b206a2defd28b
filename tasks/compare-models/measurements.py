"""The measurements of one model, read from the reports that lm-evaluation-harness and GuideLLM wrote.

The functions that wrote scores.json and figures.json read the reports again, and the result must match these files.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from figures import Figures, figures_of
from json_object import JsonObject
from scores import rounded, scores_of
from task_support import TaskError

# Relative to the prefix that publish-test-results-v2 wrote to: the tool's own report, and its summary.
EVALUATION = ("evaluation/results.json", "evaluation/scores.json")
BENCHMARK = ("benchmark/benchmarks.json", "benchmark/figures.json")
SUMMARY = "summary.json"
FILES = (*EVALUATION, *BENCHMARK, SUMMARY)
# GuideLLM's settings that must be equal for its figures to be comparable.
BACKEND, SYNTHETIC = ("request_format",), ("kind", "prompt_tokens", "output_tokens")


@dataclass(frozen=True)
class Score:
    metric: str
    value: float
    stderr: float | None
    """From lm-evaluation-harness; True if it does not say."""
    higher_is_better: bool


@dataclass(frozen=True)
class Evaluation:
    lm_eval_version: str
    """By task, the primary metric first: the first that the task lists, else the first that is reported."""
    scores: dict[str, tuple[Score, ...]]
    """Properties of the questions, by the property's name and by task."""
    setup: dict[str, JsonObject]

    def questions(self, task: str) -> int | None:
        """Number of questions; None for a group of tasks."""
        return self.setup["questions"].get(task)


@dataclass(frozen=True)
class Benchmark:
    figures: Figures
    """Settings: the profile, the length of prompts and answers."""
    setup: JsonObject

    @property
    def prompt_tokens(self) -> int | None:
        """Configured tokens of each prompt; None if the prompts come from a data set."""
        lengths = [data.get("prompt_tokens") for data in self.setup["data"]]
        return next((int(length) for length in lengths if length), None)


@dataclass(frozen=True)
class Measurements:
    evaluation: Evaluation | None
    benchmark: Benchmark | None
    """summary.json of publish-test-results-v2: the run, its time, the endpoint."""
    summary: JsonObject


def read_measurements(files: Mapping[str, Any], place: str, model: str, version: str) -> Measurements:
    """Reads the given ones of FILES, JSON by name; TaskError says which file is wrong."""
    summary = files.get(SUMMARY)
    if not isinstance(summary, dict):
        raise TaskError(f"{place}{SUMMARY} does not exist: publish-test-results-v2 failed; run it again")
    if (summary.get("model"), summary.get("version")) != (model, version):
        measured = f"{summary.get('model')} {summary.get('version')}"
        raise TaskError(f"{place} has the measurements of {measured}, not of {model} {version}")
    evaluation = read_part(files, place, EVALUATION, read_evaluation)
    benchmark = read_part(files, place, BENCHMARK, read_benchmark)
    if not evaluation and not benchmark:
        raise TaskError(f"{place} has neither an evaluation nor a benchmark: measure the model first")
    return Measurements(evaluation, benchmark, summary)


def read_part(files: Mapping[str, Any], place: str, names: tuple[str, str], read: Any) -> Any:
    """A tool's report; None if it did not run. Both of its files must exist and match."""
    missing = [name for name in names if name not in files]
    if len(missing) == len(names):
        return None
    if missing:
        raise TaskError(f"{place}{missing[0]} does not exist, but {(set(names) - set(missing)).pop()} does")
    try:
        return read(files[names[0]], files[names[1]], f"{place}{names[1]}")
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise TaskError(f"{place}{names[0]} is not the expected report: {error!r}") from error


def read_evaluation(results: JsonObject, kept: JsonObject, place: str) -> Evaluation:
    scores = scores_of(results, list(kept["scores"]))
    if rounded(scores) != kept["scores"]:
        raise TaskError(f"files in {place} do not match: the scores in {EVALUATION[1]} differ from {EVALUATION[0]}")
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
    # An earlier version of the task wrote fewer names.
    if [{name: load[name] for name in old} for load, old in zip(read, kept["loads"], strict=True)] != kept["loads"]:
        raise TaskError(f"files in {place} do not match: the figures in {BENCHMARK[1]} differ from {BENCHMARK[0]}")
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
