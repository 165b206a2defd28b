"""The digest that the pods of a declaration carry, by which they are told from those of an earlier one."""

from any_user import ANY_USER_ENV, IDENTITY
from kubernetes_objects import DIGEST_ANNOTATION, Manifest, digest_of

CONTAINER = "kserve-container"


def with_digest(service: Manifest, runtime: object = None) -> Manifest:
    """An InferenceService whose pods carry a digest of it, and of its runtime's spec or name where it has one of its own."""
    predictor = service["spec"]["predictor"]
    return annotated(service, predictor, digest_of([runtime, predictor] if runtime else predictor))


def annotated(service: Manifest, predictor: Manifest, digest: str) -> Manifest:
    annotations = {**(predictor.get("annotations") or {}), DIGEST_ANNOTATION: digest}
    return {**service, "spec": {**service["spec"], "predictor": {**predictor, "annotations": annotations}}}


def digest_in(service: Manifest) -> str:
    return str(service["spec"]["predictor"]["annotations"][DIGEST_ANNOTATION])


def for_any_user(service: Manifest, runtime: Manifest | None) -> Manifest:
    """An InferenceService on a ServingRuntime that exists, with what neither says and a user without a passwd entry needs.

    With anything added it is another declaration, so that it has another digest. None is a runtime that this task may not read:
    then it says who its program is, of which no image has a meaning of its own.
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
    """The container of a ServingRuntime that KServe runs the model in."""
    containers = runtime["spec"]["containers"] if runtime else []
    return next((one for one in containers if one["name"] == CONTAINER), {})
