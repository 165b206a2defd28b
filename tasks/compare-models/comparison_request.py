"""The params of compare-models; one error reports all problems."""

import re
from dataclasses import dataclass

from gates import Gate, parse_gates
from object_store import Bucket, read_bucket
from registry_access import RegistryAccess, read_access
from task_support import Parameters, TaskError

S3_URI = r"s3://[a-z0-9][a-z0-9.-]+/(?!/).*[^/].*"
PRICE = r"\d+(\.\d+)?"


@dataclass(frozen=True)
class Measured:
    """A model's version and the location of its measurements."""

    name: str
    version: str
    artifacts_uri: str
    hardware: str
    hourly_usd: float | None
    served_from: str


@dataclass(frozen=True)
class Request:
    access: RegistryAccess
    bucket: Bucket
    model: Measured
    base: Measured | None
    gates: tuple[Gate, ...]
    """Prefix of the report in the bucket."""
    prefix: str
    run_name: str
    run_uid: str


def read_parameters() -> Request:
    parameters = Parameters()
    model = read_measured(parameters, "")
    names = [f"BASE_{name}" for name in ("MODEL_NAME", "MODEL_VERSION", "ARTIFACTS_URI")]
    given = [name for name in names if parameters.optional(name)]
    if given and len(given) < len(names):
        missing = [name for name in names if name not in given]
        parameters.problem(f"{' and '.join(missing)} must be set, as {given[0]} is: a base needs all three")
    base = read_measured(parameters, "BASE_") if len(given) == len(names) else None
    uid = parameters.required("PIPELINE_RUN_UID", r"[\w-]+", "the UID of the PipelineRun")
    prefix = parameters.optional("REPORT_PREFIX", "reports/").strip("/")
    if not prefix:
        parameters.problem("REPORT_PREFIX must be a prefix that is not empty")
    request = Request(
        access=read_access(parameters),
        bucket=read_bucket(parameters),
        model=model,
        base=base,
        gates=read_gates(parameters),
        prefix=f"{prefix}/{re.sub(r'[^a-zA-Z0-9._-]+', '-', model.name)}/{uid}",
        run_name=parameters.required("PIPELINE_RUN_NAME"),
        run_uid=uid,
    )
    parameters.check()
    return request


def read_measured(parameters: Parameters, role: str) -> Measured:
    price = parameters.optional(f"{role}HOURLY_USD")
    return Measured(
        name=parameters.required(f"{role}MODEL_NAME"),
        version=parameters.required(f"{role}MODEL_VERSION"),
        artifacts_uri=parameters.required(f"{role}ARTIFACTS_URI", S3_URI, "s3://<bucket>/<prefix>/").rstrip("/") + "/",
        hardware=parameters.optional(f"{role}HARDWARE"),
        hourly_usd=float(parameters.required(f"{role}HOURLY_USD", PRICE, "a number or empty") or 0) if price else None,
        served_from=parameters.optional(f"{role}SERVED_FROM"),
    )


def read_gates(parameters: Parameters) -> tuple[Gate, ...]:
    try:
        return parse_gates(parameters.optional("GATES"))
    except TaskError as error:
        parameters.problem(str(error))
        return ()
