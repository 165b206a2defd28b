"""Compares a measured model with its base, checks the gates, and writes the report.

The report is stored and linked from the model's version in the registry before a failed gate fails the task.
"""

import io
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

from certificates import trust
from comparison import Comparison, Report, Subject, compare
from comparison_record import PROPERTY, properties_of, record_of
from comparison_request import Measured, Request, read_parameters
from measurements import FILES, Measurements, read_measurements
from minio import Minio
from minio.error import S3Error
from model_registry.core import ModelRegistryAPIClient
from model_registry.types import ModelVersion
from object_store import Bucket, connect, explain
from registry_access import find_version, with_doubles, with_registry
from report import html_report, markdown_report
from task_support import TaskError, run, write_result

# Bytes of a result with a figure for each task: all results of a task share 4096.
LONGEST = 1200

Result = TypeVar("Result")


def find_versions(request: Request) -> dict[Measured, ModelVersion]:
    """The models' versions in the registry; read-only."""
    found: dict[Measured, ModelVersion] = {}

    async def look(registry: ModelRegistryAPIClient) -> None:
        for measured in filter(None, (request.model, request.base)):
            found[measured] = await find_version(registry, request.access, measured.name, measured.version)

    with_registry(request.access, look)
    return found


def read_files(request: Request, client: Minio, measured: Measured) -> Measurements:
    """The tools' reports, as publish-test-results-v2 stored them."""
    place = urlsplit(measured.artifacts_uri)
    files = {}
    for name in FILES:
        key = f"{place.path.lstrip('/')}{name}"
        try:
            answer = client.get_object(place.netloc, key)
            try:
                files[name] = json.loads(answer.read())
            finally:
                answer.close()
                answer.release_conn()
        except ValueError as error:
            raise TaskError(f"{measured.artifacts_uri}{name} is not JSON ({error}): measure the model again") from error
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
    return read_measurements(files, measured.artifacts_uri, measured.name, measured.version)


def subject_of(request: Request, client: Minio, measured: Measured, version: ModelVersion) -> Subject:
    return Subject(
        name=measured.name,
        version=measured.version,
        version_id=str(version.id),
        properties=dict(version.custom_properties or {}),
        measurements=in_bucket(request, measured.artifacts_uri, lambda: read_files(request, client, measured)),
        artifacts_uri=measured.artifacts_uri,
        hardware=measured.hardware,
        hourly_usd=measured.hourly_usd,
        served_from=measured.served_from,
    )


def in_bucket(request: Request, place: str, work: Callable[[], Result]) -> Result:
    """Does the work; TaskError for errors of the object store with a known cause."""
    bucket = urlsplit(place).netloc
    try:
        return work()
    except TaskError:
        raise
    except Exception as error:
        message = explain(Bucket(request.bucket.endpoint, bucket, "", ""), place, error)
        if message is None:
            raise
        raise TaskError(message) from error


def report_of(request: Request, properties: Mapping[str, object]) -> Report:
    """A run that repeats its comparison keeps the time of the first one."""
    same_run = properties.get(f"{PROPERTY}pipeline_run_uid") == request.run_uid
    now = datetime.now(UTC).isoformat(timespec="seconds")
    time = str(properties.get(f"{PROPERTY}time", now)) if same_run else now
    return Report(request.run_name, request.run_uid, time, f"s3://{request.bucket.name}/{request.prefix}/report.html")


def store(request: Request, client: Minio, comparison: Comparison) -> None:
    """Stores the files, the page last, so that the others exist when somebody reads it."""
    contents = {
        "comparison.json": (json.dumps(record_of(comparison), indent=1), "application/json"),
        "report.md": (markdown_report(comparison), "text/markdown; charset=utf-8"),
        "report.html": (html_report(comparison), "text/html; charset=utf-8"),
    }
    metadata = {"pipeline-run-uid": request.run_uid}
    for name, (text, kind) in contents.items():
        body = text.encode()
        key = f"{request.prefix}/{name}"
        client.put_object(request.bucket.name, key, io.BytesIO(body), len(body), content_type=kind, metadata=metadata)
    print(f"report: {comparison.report.uri}", flush=True)


async def publish(registry: ModelRegistryAPIClient, request: Request, comparison: Comparison) -> None:
    """Links the report from the model's version, and removes the properties of earlier comparisons."""
    version = await find_version(registry, request.access, request.model.name, request.model.version)
    present = dict(version.custom_properties or {})
    kept = {name: value for name, value in with_doubles(present).items() if not name.startswith(PROPERTY)}
    wanted = {**kept, **properties_of(comparison)}
    if wanted != present:
        changed = version.model_copy(update={"custom_properties": wanted})
        await registry.upsert_model_version(changed, version.registered_model_id)


def compact(figures: Mapping[str, float | None]) -> str:
    """JSON of at most LONGEST bytes; comparison.json has all figures."""

    def text(chosen: Mapping[str, float | None]) -> str:
        found = {task: value if value is None else round(value, 6) for task, value in chosen.items()}
        return json.dumps(found, separators=(",", ":")) if found else ""

    chosen = dict(figures)
    while len(text(chosen).encode()) > LONGEST:
        chosen.popitem()
    return text(chosen)


def write_results(comparison: Comparison) -> None:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.6g}"

    cost, base = comparison.model.cost, comparison.base
    weights = {
        "weights-bytes": comparison.model.weights_bytes,
        "base-weights-bytes": base.weights_bytes if base else None,
    }
    write_result("passed", "true" if comparison.passed else "false")
    write_result("report-uri", comparison.report.uri)
    write_result("recovery", compact({task: found.recovery for task, found in comparison.recoveries.items()}))
    write_result(
        "recovery-stderr", compact({task: found.recovery_stderr for task, found in comparison.recoveries.items()})
    )
    write_result("usd-per-million-output-tokens", number(cost.per_million_output_tokens if cost else None))
    write_result("usd-per-million-tokens", number(cost.per_million_tokens if cost else None))
    for name, count in weights.items():
        write_result(name, "" if count is None else count)
    write_result("throughput-ratio", number(comparison.throughput_ratio))


def check_gates(comparison: Comparison) -> None:
    for judgement in comparison.judgements:
        print(f"{'passed' if judgement.passed else 'FAILED'}: {judgement.line}", flush=True)
    if comparison.failed:
        lines = "".join(f"\n  {judgement.line}" for judgement in comparison.failed)
        count = f"{len(comparison.failed)} of {len(comparison.judgements)} gates failed"
        raise TaskError(f"{comparison.model.title}: {count}; report: {comparison.report.uri}{lines}")


def main() -> None:
    request = read_parameters()
    trust(os.environ.get("TRUSTED_CA_DIRECTORY", ""), os.environ.get("SERVICE_CA_FILE", ""))
    versions = find_versions(request)
    client = connect(request.bucket)
    model = subject_of(request, client, request.model, versions[request.model])
    base = subject_of(request, client, request.base, versions[request.base]) if request.base else None
    print(f"{model.title}" + (f" compared with its base {base.title}" if base else ""), flush=True)
    comparison = compare(model, base, request.gates, report_of(request, model.properties))
    in_bucket(request, comparison.report.uri, lambda: store(request, client, comparison))
    with_registry(request.access, lambda registry: publish(registry, request, comparison))
    write_results(comparison)
    check_gates(comparison)


if __name__ == "__main__":
    run(main)
