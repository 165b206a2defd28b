"""A complete InferenceService given as a param, with checks of the fields that the task relies on."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kubernetes_objects import Manifest
from service_name import length_problem, service_name

STORAGE_URI = r"oci://[^@\s]+@sha256:[0-9a-f]{64}|(s3|pvc|hf)://\S+"
KEYS = ("apiVersion", "kind", "metadata", "spec")
METADATA_KEYS = ("name", "namespace", "labels", "annotations")
MODES = ("Standard", "RawDeployment")
# The server argument with the served model names.
NAMES_ARGUMENT = "--served-model-name"


@dataclass(frozen=True)
class GivenService:
    manifest: Manifest
    # Reasons why it cannot be deployed.
    problems: list[str]

    @property
    def predictor(self) -> Manifest:
        return at(self.manifest, "spec", "predictor")

    @property
    def served_name(self) -> str:
        """The served model name: the first one of its argument, or the InferenceService's name."""
        arguments = [str(argument) for argument in listed(at(self.predictor, "model"), "args")]
        named = at(self.manifest, "metadata").get("name", "")
        for index, argument in enumerate(arguments):
            if argument == NAMES_ARGUMENT:
                named = next(iter(arguments[index + 1 :]), "")
            elif argument.startswith(f"{NAMES_ARGUMENT}="):
                named = argument.partition("=")[2]
        return str(named)

    @property
    def token_auth(self) -> bool:
        """Whether OpenShift AI's proxy requires a token."""
        return at(self.manifest, "metadata", "annotations").get("security.opendatahub.io/enable-auth") == "true"

    @property
    def key_auth(self) -> bool:
        """Whether vLLM itself requires a key."""
        env = listed(at(self.predictor, "model"), "env")
        return any(isinstance(entry, dict) and entry.get("name") == "VLLM_API_KEY" for entry in env)


def read_given_service(text: str, namespace: str, model_name: str) -> GivenService:
    """Parses INFERENCE_SERVICE and finds all problems except those that the API server reports, as unknown fields."""
    try:
        manifest = json.loads(text)
    except ValueError as error:
        return GivenService({}, [f"INFERENCE_SERVICE is not JSON: {error}"])
    if not isinstance(manifest, dict):
        return GivenService({}, [f"INFERENCE_SERVICE must be a JSON object, not {manifest!r:.60}"])
    given = GivenService(manifest, [])
    given.problems.extend(f"INFERENCE_SERVICE: {problem}" for problem in all_problems(given, namespace, model_name))
    return given


def all_problems(given: GivenService, namespace: str, model_name: str) -> Iterator[str]:
    yield from problems_of_metadata(given.manifest, namespace)
    yield from problems_of_predictor(given.manifest)
    if model_name and given.served_name != model_name:
        where = f"{NAMES_ARGUMENT} in its args, or metadata.name without it"
        yield f"the model answers as {given.served_name!r} ({where}), so MODEL_NAME cannot be {model_name!r}"


def problems_of_metadata(manifest: Manifest, namespace: str) -> Iterator[str]:
    metadata = at(manifest, "metadata")
    if manifest.get("apiVersion") != "serving.kserve.io/v1beta1" or manifest.get("kind") != "InferenceService":
        found = f"{manifest.get('apiVersion')} {manifest.get('kind')}"
        yield f"it must be a serving.kserve.io/v1beta1 InferenceService, not {found}"
    yield from unknown_keys(manifest, KEYS, "")
    yield from unknown_keys(metadata, METADATA_KEYS, "metadata.")
    name = metadata.get("name")
    formed = isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9-]{0,52}", name)
    if formed and (problem := length_problem(str(name), namespace)):
        yield f"metadata.name: {problem}"
    elif not formed or service_name(str(name)) != name:
        yield f"metadata.name must be at most 53 lower case letters, digits and hyphens, a letter first, not {name!r}"
    if metadata.get("namespace", namespace) != namespace:
        yield f"metadata.namespace must be {namespace}, the task's own, or left out, not {metadata['namespace']!r}"
    annotations = at(metadata, "annotations")
    mode = annotations.get("serving.kserve.io/deploymentMode")
    if mode not in MODES:
        yield f"annotation serving.kserve.io/deploymentMode must be {' or '.join(MODES)}, not {mode!r}"
    if annotations.get("serving.kserve.io/stop") == "true":
        yield "annotation serving.kserve.io/stop must not be true, because no pod would run"


def problems_of_predictor(manifest: Manifest) -> Iterator[str]:
    yield from unknown_keys(at(manifest, "spec"), ("predictor",), "spec.")
    predictor = at(manifest, "spec", "predictor")
    if "workerSpec" in predictor:
        yield "spec.predictor.workerSpec is not supported: this task cannot wait for a model on several nodes"
    if predictor.get("minReplicas", 1) in (0, None):
        yield "spec.predictor.minReplicas must be at least 1, so that a pod runs"
    model = at(predictor, "model")
    if not model:
        yield "spec.predictor.model is missing"
        return
    uri = model.get("storageUri")
    if not isinstance(uri, str) or not re.fullmatch(STORAGE_URI, uri):
        yield f"spec.predictor.model.storageUri must be oci://…@sha256:…, s3://…, pvc://… or hf://…, not {uri!r}"
    arguments = model.get("args", [])
    if not isinstance(arguments, list) or not all(isinstance(argument, str) for argument in arguments):
        yield "spec.predictor.model.args must be a list of strings"


def unknown_keys(manifest: Manifest, known: tuple[str, ...], where: str) -> Iterator[str]:
    if others := sorted(set(manifest) - set(known)):
        yield f"{', '.join(where + other for other in others)}: it may have only {', '.join(where + key for key in known)}"


def at(manifest: Manifest, *path: str) -> Manifest:
    """The object at a path, or an empty one."""
    for key in path:
        inner = manifest.get(key)
        manifest = inner if isinstance(inner, dict) else {}
    return manifest


def listed(manifest: Manifest, key: str) -> list[object]:
    value = manifest.get(key)
    return value if isinstance(value, list) else []
