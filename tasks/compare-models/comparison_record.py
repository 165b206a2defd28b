"""A comparison for scripts: comparison.json, documented in comparison-json.md, and the registry's properties."""

from dataclasses import asdict

from comparison import Comparison, Subject
from json_object import JsonObject
from registry_access import property_name

VERSION = 1
PROPERTY = "comparison_"


def record_of(comparison: Comparison) -> JsonObject:
    return {
        "version": VERSION,
        "passed": comparison.passed,
        "report": asdict(comparison.report),
        "model": record_of_subject(comparison.model),
        "base": record_of_subject(comparison.base) if comparison.base else None,
        "accuracy": [asdict(found) for found in comparison.accuracies],
        "throughput_ratio": comparison.throughput_ratio,
        "weights_ratio": weights_ratio(comparison),
        "gates": [asdict(judgement) for judgement in comparison.judgements],
    }


def record_of_subject(subject: Subject) -> JsonObject:
    evaluation, benchmark = subject.measurements.evaluation, subject.measurements.benchmark
    return {
        "name": subject.name,
        "version": subject.version,
        "version_id": subject.version_id,
        "hardware": subject.hardware,
        "served_from": subject.served_from,
        "artifacts": subject.artifacts_uri,
        "weights_bytes": subject.weights_bytes,
        "cost": asdict(subject.cost) if subject.cost else None,
        "evaluation": {"lm_eval_version": evaluation.lm_eval_version, "setup": evaluation.setup}
        if evaluation
        else None,
        "benchmark": {**benchmark.figures.as_dict(), "setup": benchmark.setup} if benchmark else None,
        "registered": {
            name: value for name, value in sorted(subject.properties.items()) if not name.startswith(PROPERTY)
        },
        "summary": subject.measurements.summary,
    }


def weights_ratio(comparison: Comparison) -> float | None:
    base = comparison.base.weights_bytes if comparison.base else None
    return comparison.model.weights_bytes / base if base and comparison.model.weights_bytes else None


def properties_of(comparison: Comparison) -> dict[str, str | float]:
    """Properties for the registry's version. They replace all properties of an earlier comparison."""
    cost = comparison.model.cost
    known = {
        "passed": "true" if comparison.passed else "false",
        "base": comparison.base.title if comparison.base else "",
        "usd_per_million_output_tokens": cost.per_million_output_tokens if cost else None,
        "report": comparison.report.uri,
        "pipeline_run_name": comparison.report.run_name,
        "pipeline_run_uid": comparison.report.run_uid,
        "time": comparison.report.time,
    }
    recoveries = {
        property_name(PROPERTY + "recovery_", task): found.recovery for task, found in comparison.recoveries.items()
    }
    everything = {**{PROPERTY + name: value for name, value in known.items()}, **recoveries}
    return {name: value for name, value in everything.items() if value not in (None, "")}
