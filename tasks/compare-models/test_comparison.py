"""The computations and the checks of gates, without servers."""

import math
from collections.abc import Callable

import pytest
from comparison import Comparison, Report, compare
from cost import cost_of
from figures import figures_of
from gates import parse_gates
from measurements import Score, read_measurements
from recovery import recovery_of
from report_tables import byte_count, usd
from task_support import TaskError

REPORT = Report(
    "model-comparison-1", "uid-1", "2026-01-02T03:04:05+00:00", "s3://models/reports/sums/uid-1/report.html"
)


def score(value: float, stderr: float | None, higher: bool = True) -> Score:
    return Score("acc", value, stderr, higher)


def test_the_error_of_recovery_is_that_of_a_quotient():
    recovery, stderr = recovery_of(score(0.6, 0.02), score(0.8, 0.01))
    assert recovery == pytest.approx(0.75)
    assert stderr == pytest.approx(0.75 * math.sqrt((0.02 / 0.6) ** 2 + (0.01 / 0.8) ** 2))


def test_the_quotient_is_inverted_if_less_is_better():
    recovery, stderr = recovery_of(score(10, 0.5, higher=False), score(8, 0.2, higher=False))
    assert recovery == pytest.approx(0.8)
    assert stderr == pytest.approx(0.8 * math.sqrt((0.5 / 10) ** 2 + (0.2 / 8) ** 2))


@pytest.mark.parametrize(
    ("model", "base", "expected"),
    [
        (score(0.5, 0.1), score(0, 0), (None, None)),
        (score(0, 0, higher=False), score(8, 1, higher=False), (None, None)),
        (score(-1, 0.1), score(0.5, 0.1), (None, None)),
        (score(0, 0.04), score(0.8, 0.01), (0, pytest.approx(0.05))),
        (score(0.6, None), score(0.8, 0.01), (pytest.approx(0.75), None)),
    ],
)
def test_recovery_of_unusual_scores(model, base, expected):
    assert recovery_of(model, base) == expected


@pytest.fixture
def judged(subject: Callable) -> Callable[..., Comparison]:
    def start(gates: str, model: dict | None = None, base: dict | None = None) -> Comparison:
        return compare(subject("model", model), subject("base", base), parse_gates(gates), REPORT)

    return start


def test_a_recovery_without_a_task_applies_to_each(judged):
    comparison = judged("recovery>=0.5")
    assert [judgement.task for judgement in comparison.judgements] == [
        "sums",
        "sums_choice",
        "sums_normed",
        "sums_text",
    ]
    # The first metric in the task's own list, even if less is better.
    assert [judgement.metric for judgement in comparison.judgements] == ["exact_match", "acc", "acc", "byte_perplexity"]
    assert comparison.passed


def test_a_gate_on_one_task_replaces_the_one_on_all(judged):
    comparison = judged("recovery>=0.5 recovery:sums>=9 recovery:sums_normed:acc_norm>=9")
    assert [(judgement.task, judgement.metric, judgement.limit) for judgement in comparison.judgements] == [
        ("sums_choice", "acc", 0.5),
        # Its gate is on another metric.
        ("sums_normed", "acc", 0.5),
        ("sums_text", "byte_perplexity", 0.5),
        ("sums", "exact_match", 9),
        ("sums_normed", "acc_norm", 9),
    ]
    assert [judgement.task for judgement in comparison.failed] == ["sums", "sums_normed"]


def test_the_figure_decides_and_not_its_error(judged):
    found = judged("recovery:sums_normed>=0.1").recoveries["sums_normed"]
    above = math.ceil(found.recovery * 1e4) / 1e4
    assert found.recovery + found.recovery_stderr > above > found.recovery
    (judgement,) = judged(f"recovery:sums_normed:acc>={above}").failed
    assert judgement.line.startswith("recovery of sums_normed (acc) is 0.")
    assert f" ± {found.recovery_stderr:.4f}, must be at least {above:g}" in judgement.line
    # What is shown is not on the other side of the limit.
    assert float(judgement.shown(judgement.value)) < above


def test_a_gate_on_another_metric_of_the_task(judged):
    (judgement,) = judged("recovery:sums_normed:acc_norm>=0").judgements
    found = next(found for found in judged("").accuracies if found.score.metric == "acc_norm")
    assert (judgement.value, judgement.stderr) == (pytest.approx(found.recovery), found.recovery_stderr)


def test_an_undefined_recovery_fails_and_is_called_undefined(judged, reports):
    base = reports("base", "sums")
    base["evaluation/results.json"]["results"]["sums"]["exact_match,none"] = 0.0
    base["evaluation/scores.json"]["scores"]["sums"]["exact_match"] = 0.0
    (judgement,) = judged("recovery:sums>=0", base=base).failed
    assert judgement.line == "recovery of sums (exact_match) is undefined, must be at least 0"


def test_a_figure_equal_to_its_limit_passes(judged, reports):
    files = {side: reports(side, name) for side, name in (("model", "sums-quantized"), ("base", "sums"))}
    for side, value in (("model", 0.776), ("base", 0.8)):
        files[side]["evaluation/results.json"]["results"]["sums"]["exact_match,none"] = value
        files[side]["evaluation/scores.json"]["scores"]["sums"]["exact_match"] = value
    assert judged("recovery:sums>=0.97", **files).passed


def test_all_invalid_conditions_are_reported_at_once():
    wrong = ["recovery<=0.9", "ttft-ms-p95>=5", "speed>=1", "error-rate<=1%", "recovery:a:b:c"]
    with pytest.raises(TaskError) as raised:
        parse_gates(" ".join(["recovery:arc_easy:acc,none>=1", *wrong]))
    assert str(raised.value).startswith(f"GATES: {', '.join(map(repr, wrong))} must be one of recovery>=0.97")


def test_all_gates_without_a_measured_figure_are_reported_at_once(subject, reports):
    files = reports("model", "sums-quantized")
    for name in ("benchmark/benchmarks.json", "benchmark/figures.json"):
        del files[name]
    gates = parse_gates("recovery>=0.9 recovery:arc>=1 itl-ms-p95<=1")
    with pytest.raises(TaskError) as raised:
        compare(subject("model", files), None, gates, REPORT)
    for part in (
        "recovery>=0.9 needs a base",
        "recovery:arc>=1 needs a base",
        "itl-ms-p95<=1: the model was not benchmarked",
    ):
        assert part in str(raised.value)
    with pytest.raises(
        TaskError, match="recovery:arc>=1: found only sums:exact_match, sums_choice:acc, sums_normed:acc"
    ):
        compare(subject("model"), subject("base"), parse_gates("recovery:arc>=1"), REPORT)


def change(files: dict, path: str, value: object) -> dict:
    name, *keys = path.split("|")
    place = files[name]
    for key in keys[:-1]:
        place = place[int(key) if isinstance(place, list) else key]
    place[keys[-1]] = value
    return files


RESULTS, REPORTED = "evaluation/results.json", "benchmark/benchmarks.json"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (f"{RESULTS}|n-samples|sums", {"original": 200, "effective": 20}, "questions of sums 200, base 20"),
        (f"{RESULTS}|n-shot|sums_choice", 5, "few-shot examples of sums_choice 0, base 5"),
        (f"{RESULTS}|versions|sums_text", 2.0, "version of the task of sums_text 1.0, base 2.0"),
        (f"{RESULTS}|about|datasets", {"a/b": "c"}, "commit of the data set of a/b none, base c"),
        (
            f"{REPORTED}|config|spec|data|0|prompt_tokens",
            9,
            "data kind synthetic_text prompt tokens 64 output tokens 32",
        ),
        (f"{REPORTED}|config|spec|data|0|output_tokens", 9, "output tokens 9"),
        (f"{REPORTED}|config|spec|profile|kind", "constant", "profile kind sweep"),
        (
            f"{REPORTED}|config|spec|backend|request_format",
            "/v1/chat/completions",
            "request format /v1/completions, base",
        ),
    ],
)
def test_different_measurements_are_not_compared(judged, reports, path, value, message):
    with pytest.raises(TaskError) as raised:
        judged("", base=change(reports("base", "sums"), path, value))
    assert " differ, so they cannot be compared: " in str(raised.value)
    assert message in str(raised.value)


def test_other_tasks_are_not_compared(judged, reports):
    base = reports("base", "sums")
    del base["evaluation/scores.json"]["scores"]["sums_text"]
    with pytest.raises(
        TaskError, match="tasks sums, sums_choice, sums_normed, sums_text, base sums, sums_choice, sums_normed;"
    ):
        judged("", base=base)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("evaluation/scores.json|scores|sums|exact_match", 0.123, "do not match: the scores"),
        ("benchmark/figures.json|loads|0|ttft_ms_p95", 1.0, "do not match: the figures"),
        (f"{REPORTED}|benchmarks", [{}], "is not the expected report: KeyError"),
        (f"{RESULTS}|results", {}, "task sums ended without a score"),
        ("summary.json|version", "2", "has the measurements of sums 2, not of sums 1.0.0"),
    ],
)
def test_files_that_contradict_each_other_are_refused(reports, path, value, message):
    with pytest.raises(TaskError, match=message):
        read_measurements(change(reports("base", "sums"), path, value), "s3://models/sums/", "sums", "1.0.0")


def test_files_that_are_missing_are_named(reports):
    whole = reports("base", "sums")
    for gone, message in (
        (["evaluation/results.json"], "evaluation/results.json does not exist, but evaluation/scores.json does"),
        (["summary.json"], "summary.json does not exist: publish-test-results-v2 failed"),
        ([name for name in whole if name != "summary.json"], "has neither an evaluation nor a benchmark"),
    ):
        files = {name: content for name, content in whole.items() if name not in gone}
        with pytest.raises(TaskError, match=message):
            read_measurements(files, "s3://models/sums/", "sums", "1.0.0")


def test_a_million_tokens_cost_what_the_hardware_costs_in_that_time(reports):
    figures = figures_of(reports("base", "sums")[REPORTED])
    best = max(figures.loads, key=lambda load: load.output_tokens_per_second)
    cost = cost_of(7.2, figures, 64)
    for tokens_per_second, usd_per_million in (
        (best.output_tokens_per_second, cost.per_million_output_tokens),
        (64 * max(load.requests_per_second for load in figures.loads), cost.per_million_prompt_tokens),
        (best.total_tokens_per_second, cost.per_million_tokens),
    ):
        hours = 1e6 / tokens_per_second / 3600
        assert usd_per_million == pytest.approx(hours * 7.2)
    assert (cost.per_month, cost.load) == (pytest.approx(5256), best.strategy)
    assert cost_of(None, figures) is None
    assert cost_of(1.0, None).per_million_tokens is None


def test_the_size_of_the_weights_is_the_registry_s(subject):
    assert subject("model").weights_bytes == 1000
    assert subject("model", properties={"compression_bytes_after": "77"}).weights_bytes == 77
    assert subject("model", properties={"weights_bytes": "5", "compression_bytes_after": "77"}).weights_bytes == 5
    assert subject("model", properties={}).weights_bytes is None


def test_figures_for_people():
    counts = (67_500_000_000, 17e9, 999, 1000, 1.5e12)
    assert [byte_count(count) for count in counts] == ["67.5 GB", "17.0 GB", "999 B", "1.0 kB", "1.5 TB"]
    assert [usd(value) for value in (4.602, 0.5474, 3359.46, 0, None)] == [
        "$4.60",
        "$0.5474",
        "$3,359.46",
        "$0.00",
        "–",
    ]
