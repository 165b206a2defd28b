"""The params of deploy-model: the objects to apply, and the time limits."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from given_service import STORAGE_URI, read_given_service
from kubernetes_objects import Manifest, own_namespace
from service_name import length_problem, service_name
from serving_objects import owned_by_run
from spec_digest import with_digest
from task_support import Parameters, TaskError
from templates import render

CPU = r"\d+(\.\d+)?m?"
QUANTITY = r"\d+(\.\d+)?(m|[kMGTPE]i?)?"
UID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@dataclass(frozen=True)
class Request:
    service: Manifest
    # None if it exists already.
    runtime: Manifest | None
    # The served model name.
    model_name: str
    # Of the PipelineRun that owns the objects; "" for objects without an owner.
    owner_uid: str
    # Whether callers need the service account's token; otherwise the key, if any.
    token_auth: bool
    api_key: str
    timeout_seconds: int
    unschedulable_seconds: int
    url_file: Path | None
    token_file: Path

    @property
    def name(self) -> str:
        return str(self.service["metadata"]["name"])


def read_request() -> Request:
    parameters = Parameters()
    owner = read_owner(parameters)
    given = bool(parameters.optional("INFERENCE_SERVICE"))
    service, runtime, model_name, token_auth, key_auth = (read_given if given else read_described)(parameters)
    timeout, unschedulable = number(parameters, "TIMEOUT_SECONDS"), number(parameters, "UNSCHEDULABLE_SECONDS")
    url_file = parameters.directory("SERVICE_URL_FILE") if parameters.optional("SERVICE_URL_FILE") else None
    api_key = parameters.secret("OPENAI_API_KEY") if key_auth else ""
    parameters.check()
    return Request(
        service=owned_by_run(service, *owner),
        runtime=owned_by_run(runtime, *owner) if runtime else None,
        model_name=model_name,
        owner_uid=owner[1],
        token_auth=token_auth,
        api_key=api_key,
        timeout_seconds=timeout,
        unschedulable_seconds=unschedulable,
        url_file=url_file,
        token_file=Path(parameters.optional("SERVICE_ACCOUNT_TOKEN_FILE", "/nonexistent")),
    )


def number(parameters: Parameters, name: str, pattern: str = r"[1-9]\d*") -> int:
    return int(parameters.required(name, pattern, "a whole number") or 0)


def read_owner(parameters: Parameters) -> tuple[str, str]:
    """Name and uid of the PipelineRun that owns the objects, or neither."""
    name, uid = parameters.optional("OWNER_NAME"), parameters.optional("OWNER_UID")
    if bool(name) != bool(uid):
        parameters.problem("OWNER_NAME and OWNER_UID must be set both or neither")
    if uid:
        parameters.required("OWNER_UID", UID, "the uid of a PipelineRun")
    return name, uid


def read_given(parameters: Parameters) -> tuple[Manifest, None, str, bool, bool]:
    """A complete InferenceService; other params that describe one are not read."""
    model_name = parameters.required("MODEL_NAME")
    given = read_given_service(parameters.optional("INFERENCE_SERVICE"), own_namespace(), model_name)
    for problem in given.problems:
        parameters.problem(problem)
    service = {} if given.problems else with_digest(given.manifest)
    return service, None, model_name, given.token_auth, given.key_auth


def read_described(parameters: Parameters) -> tuple[Manifest, Manifest | None, str, bool, bool]:
    """An InferenceService, and a ServingRuntime unless one is named, from the program's templates and the params."""
    model_name = parameters.required("MODEL_NAME")
    name, runtime = service_name(model_name), parameters.optional("SERVING_RUNTIME")
    gpus = number(parameters, "GPUS", r"\d+")
    platform = parameters.required("PLATFORM", "openshift|kubernetes", "openshift or kubernetes")
    exposed, token_auth = boolean(parameters, "EXPOSED"), boolean(parameters, "TOKEN_AUTH")
    namespace = own_namespace()
    values: dict[str, str | list[str]] = {
        "NAMESPACE": namespace,
        "SERVICE_NAME": name,
        "SERVING_RUNTIME": runtime or name,
        "RUNTIME_IMAGE": ""
        if runtime
        else parameters.required("RUNTIME_IMAGE", r"\S+@sha256:[0-9a-f]{64}", "vLLM's image by digest"),
        "STARTUP_MINUTES": str(number(parameters, "STARTUP_MINUTES")),
        "DEPLOYMENT_MODE": parameters.required(
            "DEPLOYMENT_MODE", "Standard|RawDeployment", "Standard or RawDeployment"
        ),
        "STORAGE_URI": parameters.required("STORAGE_URI", STORAGE_URI, "oci://…@sha256:…, s3://…, pvc://… or hf://…"),
        "GPUS": str(gpus),
        "GPU_PRODUCT": parameters.optional("GPU_PRODUCT"),
        "CPU": parameters.required("CPU", CPU, "a quantity of CPU"),
        "MEMORY": parameters.required("MEMORY", QUANTITY, "a quantity"),
        "MAX_MODEL_LEN": str(number(parameters, "MAX_MODEL_LEN")),
        "VLLM_ARGS": read_arguments(parameters.optional("VLLM_ARGS")),
        "MODEL_SERVICE_ACCOUNT": parameters.optional("MODEL_SERVICE_ACCOUNT"),
        "PULL_SECRET": parameters.optional("PULL_SECRET"),
    }
    if platform == "kubernetes" and "true" in (exposed, token_auth):
        parameters.problem("EXPOSED and TOKEN_AUTH need OpenShift AI, so they must be false if PLATFORM is kubernetes")
    if problem := length_problem(name, namespace):
        parameters.problem(f"MODEL_NAME: {problem}")
    if parameters.has_problems:
        return {}, None, name, False, False
    counts = {0: "none", 1: "one"}
    case = {"PLATFORM": platform, "GPUS": counts.get(gpus, "several"), "EXPOSED": exposed, "TOKEN_AUTH": token_auth}
    [service] = render("model", case, values)
    made = None if runtime else render("runtime", {"BUILD": "vllm-cuda" if gpus else "vllm-cpu"}, values)[0]
    return with_digest(service, made["spec"] if made else runtime), made, name, token_auth == "true", False


def boolean(parameters: Parameters, name: str) -> str:
    return parameters.required(name, "true|false", "true or false")


def read_arguments(text: str) -> list[str]:
    """VLLM_ARGS as a shell would split it."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise TaskError(f"VLLM_ARGS {text!r} cannot be split: {error}") from error
