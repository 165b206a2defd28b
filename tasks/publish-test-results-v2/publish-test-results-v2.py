"""Publishes the results of an evaluation and a benchmark: figures to the model registry, files to the object store.

The files come first, so the registry never refers to missing files. Publishing the same run again changes nothing.
Results of another run on the workspace are refused.
"""

import io
import json
import mimetypes
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from certificates import trust
from json_object import JsonObject
from minio import Minio
from model_registry.core import ModelRegistryAPIClient
from model_registry.types import ModelVersion
from object_store import Bucket, connect, explain, read_bucket
from registry_access import RegistryAccess, find_version, property_name, read_access, with_doubles, with_registry
from task_support import Parameters, TaskError, run, size, write_result

# Prefixes of a part's properties in the registry; new results replace all properties of their part.
EVALUATION, BENCHMARK, TEST = "eval_", "benchmark_", "test_"
# The summaries that evaluate-model and run-guidellm write.
SCORES, FIGURES = "scores.json", "figures.json"

Properties = dict[str, float | str]


@dataclass(frozen=True)
class Part:
    """One tool's report: its directory, its numbers, and the tool's version."""

    directory: Path
    figures: Properties
    version: str


@dataclass(frozen=True)
class Publication:
    access: RegistryAccess
    model_name: str
    model_version: str
    bucket: Bucket
    prefix: str
    evaluation: Part | None
    benchmark: Part | None
    provenance: dict[str, str]

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket.name}/{self.prefix}/"


def read_parameters() -> Publication:
    parameters = Parameters()
    uid = parameters.required("PIPELINE_RUN_UID", r"[\w-]+", "the UID of the PipelineRun")
    prefix = parameters.required("S3_PREFIX", r"/*[^/].*", "a prefix that is not empty").strip("/")
    evaluated = required_directory(parameters, "EVALUATION")
    benchmarked = required_directory(parameters, "BENCHMARK")
    access, bucket = read_access(parameters), read_bucket(parameters)
    model_name, model_version = parameters.required("MODEL_NAME"), parameters.required("MODEL_VERSION")
    run_name = parameters.required("PIPELINE_RUN_NAME")
    parameters.check()
    evaluation = read_evaluation(evaluated, uid) if evaluated else None
    benchmark = read_benchmark(benchmarked, uid) if benchmarked else None
    if not evaluation and not benchmark:
        raise TaskError("there is nothing to publish: set REQUIRE_EVALUATION or REQUIRE_BENCHMARK to true")
    return Publication(
        access=access,
        model_name=model_name,
        model_version=model_version,
        bucket=bucket,
        prefix=f"{prefix}/{uid}",
        evaluation=evaluation,
        benchmark=benchmark,
        provenance={
            "pipeline_run_name": run_name,
            "pipeline_run_uid": uid,
            "lm_eval_version": evaluation.version if evaluation else "",
            "guidellm_version": benchmark.version if benchmark else "",
            "endpoint": parameters.optional("ENDPOINT_URL"),
        },
    )


def required_directory(parameters: Parameters, part: str) -> Path | None:
    """The part's directory; None if it is not required, because its files are then from an earlier run."""
    wanted = parameters.required(f"REQUIRE_{part}", "true|false", "true or false") == "true"
    return parameters.directory(f"{part}_DIRECTORY") if wanted else None


def read_summary(file: Path, part: str) -> JsonObject:
    if not file.is_file():
        raise TaskError(f"{file} does not exist: the {part} failed")
    try:
        summary = json.loads(file.read_text())
    except ValueError as error:
        raise TaskError(f"{file} is not JSON ({error}): run the {part} again") from error
    if not isinstance(summary, dict):
        raise TaskError(f"{file} must be a JSON object: run the {part} again")
    return summary


def check_run(file: Path, noted: object, uid: str) -> None:
    """TaskError if the report names another run than this one."""
    if noted and noted != uid:
        raise TaskError(
            f"{file} is from PipelineRun {noted}, not from this one, {uid}: only a run's own results are published"
        )


def read_evaluation(directory: Path, uid: str) -> Part:
    """The scores that evaluate-model or run-lm-eval-v2 wrote: {<task>: {<metric>: <number>}}."""
    file = directory / SCORES
    summary = read_summary(file, "evaluation")
    check_run(file, summary.get("pipelineRunUid"), uid)
    try:
        figures: Properties = {
            property_name(EVALUATION, task, metric): float(value)
            for task, metrics in summary["scores"].items()
            for metric, value in metrics.items()
        }
        version = str(summary["lmEvalVersion"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise TaskError(
            f"{file} must have scores as {{task: {{metric: number}}}} and lmEvalVersion: {error!r}"
        ) from error
    if not figures:
        raise TaskError(f"{file} has no score: the evaluation failed")
    return Part(directory, figures, version)


def read_benchmark(directory: Path, uid: str) -> Part:
    """The figures that run-guidellm wrote: latency at the lightest load, throughput at the best load."""
    file = directory / FIGURES
    summary = read_summary(file, "benchmark")
    check_run(file, summary.get("pipeline_run_uid"), uid)
    latency = (
        "ttft_ms_mean",
        "ttft_ms_p95",
        "itl_ms_mean",
        "itl_ms_p95",
        "request_seconds_mean",
        "request_seconds_p95",
    )
    throughput = ("output_tokens_per_second", "total_tokens_per_second", "requests_per_second")
    try:
        first, loads = summary["loads"][0], summary["loads"]
        figures: Properties = {
            **{BENCHMARK + name: float(first[name]) for name in latency},
            **{BENCHMARK + name: float(max(load[name] for load in loads)) for name in throughput},
            BENCHMARK + "error_rate": float(summary["error_rate"]),
        }
        return Part(directory, figures, str(summary["guidellm_version"]))
    except (LookupError, ValueError, TypeError) as error:
        raise TaskError(f"{file} lacks figures of run-guidellm: {error!r}") from error


def artifacts(publication: Publication) -> dict[str, Path]:
    """Files to store, by their path below the prefix."""
    found = {}
    for name, part in (("evaluation", publication.evaluation), ("benchmark", publication.benchmark)):
        if part is None:
            continue
        for path in sorted(part.directory.rglob("*")):
            # The evaluation runs code that models wrote, which could create links to this pod's secrets.
            if path.is_symlink():
                raise TaskError(f"{path} is a link: remove it, only files are published")
            if path.is_file():
                found[f"{name}/{path.relative_to(part.directory)}"] = path
    return found


def upload(publication: Publication, files: dict[str, Path], summary: bytes) -> int:
    """Stores the files, and a summary with the provenance last. Returns the number of bytes."""
    client: Minio = connect(publication.bucket)
    metadata = {"pipeline-run-uid": publication.provenance["pipeline_run_uid"]}
    total = 0
    for name, path in files.items():
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        key = f"{publication.prefix}/{name}"
        client.fput_object(publication.bucket.name, key, str(path), content_type=kind, metadata=metadata)
        total += path.stat().st_size
        print(f"{name}: {size(path.stat().st_size)}", flush=True)
    key = f"{publication.prefix}/summary.json"
    body = io.BytesIO(summary)
    client.put_object(
        publication.bucket.name, key, body, len(summary), content_type="application/json", metadata=metadata
    )
    return total + len(summary)


async def version_of(registry: ModelRegistryAPIClient, publication: Publication) -> ModelVersion:
    return await find_version(registry, publication.access, publication.model_name, publication.model_version)


def merged(present: dict[str, object], new: Properties, replaced: list[str]) -> dict[str, object]:
    """The version's properties, without those of earlier runs for the parts that are published now."""
    kept = {name: value for name, value in with_doubles(present).items() if not name.startswith(tuple(replaced))}
    return kept | dict[str, object](new)


def figures_of(publication: Publication) -> tuple[Properties, list[str]]:
    """The numbers to publish, and the parts that they replace."""
    figures: Properties = {}
    replaced = [TEST]
    for prefix, part in ((EVALUATION, publication.evaluation), (BENCHMARK, publication.benchmark)):
        if part:
            figures |= part.figures
            replaced.append(prefix)
    return figures, replaced


def provenance_of(publication: Publication, present: Mapping[str, Any]) -> Properties:
    """The origin of the figures. A run that is published again keeps its first time."""
    same_run = present.get(TEST + "pipeline_run_uid") == publication.provenance["pipeline_run_uid"]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        **{TEST + name: value for name, value in publication.provenance.items() if value},
        TEST + "time": present.get(TEST + "time", now) if same_run else now,
        TEST + "artifacts": publication.uri,
    }


def upload_all(publication: Publication, properties: Properties) -> int:
    summary = {"model": publication.model_name, "version": publication.model_version, **properties}
    files = artifacts(publication)
    try:
        return upload(publication, files, json.dumps(summary, indent=1).encode())
    except Exception as error:
        message = explain(publication.bucket, publication.prefix, error)
        if message is None:
            raise
        raise TaskError(message) from error


async def update(
    registry: ModelRegistryAPIClient, publication: Publication, properties: Properties, replaced: list[str]
) -> None:
    version = await version_of(registry, publication)
    present = dict(version.custom_properties or {})
    wanted = merged(present, properties, replaced)
    if wanted == present:
        print("the registry is up to date", flush=True)
        return
    changed = version.model_copy(update={"custom_properties": wanted})
    await registry.upsert_model_version(changed, version.registered_model_id)
    print(f"{len(properties)} properties of version {version.id} written", flush=True)


def publish(publication: Publication) -> None:
    versions: list[ModelVersion] = []

    async def look(registry: ModelRegistryAPIClient) -> None:
        versions.append(await version_of(registry, publication))

    with_registry(publication.access, look)
    figures, replaced = figures_of(publication)
    properties = {**figures, **provenance_of(publication, versions[0].custom_properties or {})}
    stored = upload_all(publication, properties)
    with_registry(publication.access, lambda registry: update(registry, publication, properties, replaced))
    for name, value in sorted(figures.items()):
        print(f"{name}: {value}", flush=True)
    write_result("model-version-id", versions[0].id)
    write_result("artifacts-uri", publication.uri)
    write_result("properties", len(properties))
    write_result("uploaded-bytes", stored)


def main() -> None:
    publication = read_parameters()
    trust(os.environ.get("TRUSTED_CA_DIRECTORY", ""), os.environ.get("SERVICE_CA_FILE", ""))
    print(
        f"{publication.model_name} {publication.model_version}: {publication.access.url}, {publication.uri}", flush=True
    )
    publish(publication)


if __name__ == "__main__":
    run(main)
