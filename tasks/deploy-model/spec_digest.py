"""A digest in the pods' annotations that distinguishes them from pods of an earlier spec."""

from any_user import ANY_USER_ENV, IDENTITY
from kubernetes_objects import DIGEST_ANNOTATION, Manifest, digest_of

CONTAINER = "kserve-container"


def with_digest(service: Manifest, runtime: object = None) -> Manifest:
    """An InferenceService whose pods have a digest of it and of its runtime's spec or name, if given."""
    predictor = service["spec"]["predictor"]
    return annotated(service, predictor, digest_of([runtime, predictor] if runtime else predictor))


def annotated(service: Manifest, predictor: Manifest, digest: str) -> Manifest:
    annotations = {**(predictor.get("annotations") or {}), DIGEST_ANNOTATION: digest}
    return {**service, "spec": {**service["spec"], "predictor": {**predictor, "annotations": annotations}}}


def digest_in(service: Manifest) -> str:
    return str(service["spec"]["predictor"]["annotations"][DIGEST_ANNOTATION])


def for_any_user(service: Manifest, runtime: Manifest | None) -> Manifest:
    """An InferenceService for an existing ServingRuntime, with the variables that a user without a passwd entry needs.

    Adds those that neither sets, which changes the digest. If the task may not read the runtime (None), it adds only
    the variables of the user's name, to which no image gives another meaning.
    """
    predictor = service["spec"]["predictor"]
    own = predictor["model"].get("env") or []
    needed = ANY_USER_ENV if runtime else IDENTITY
    said = {entry["name"] for entry in [*own, *(container_of(runtime).get("env") or [])]}
    missing = {name: value for name, value in needed.items() if name not in said}
    if not missing:
        return service
    env = [*own, *({"name": name, "value": value} for name, value in missing.items())]
    changed = {**predictor, "model": {**predictor["model"], "env": env}}
    return annotated(service, changed, digest_of([digest_in(service), missing]))


def container_of(runtime: Manifest | None) -> Manifest:
    """The container of a ServingRuntime in which KServe runs the model."""
    containers = runtime["spec"]["containers"] if runtime else []
    return next((one for one in containers if one["name"] == CONTAINER), {})
