"""Removes a model that deploy-model deployed, and waits until its pods are gone and their GPUs are free."""

import time
from dataclasses import dataclass

from kubernetes_objects import Manifest, Objects, connect, once_available, own_namespace
from service_name import service_name
from serving_objects import FIELD_MANAGER, RUNTIME, SERVICE, other_makers, owner_of, pods_left, remove, wait_until_gone
from task_support import Parameters, TaskError, run


@dataclass(frozen=True)
class Request:
    name: str
    owner_uid: str
    timeout_seconds: int


def read_parameters() -> Request:
    parameters = Parameters()
    name = service_name(parameters.required("MODEL_NAME"))
    timeout = int(parameters.required("TIMEOUT_SECONDS", r"[1-9]\d*", "a whole number") or 0)
    parameters.check()
    return Request(name, parameters.optional("OWNER_UID"), timeout)


def may_be_removed(objects: Objects, found: Manifest, owner_uid: str) -> bool:
    """Whether this run may remove the InferenceService. TaskError if it has another owner or none."""
    what = f"InferenceService {objects.namespace}/{found['metadata']['name']}"
    if makers := other_makers(found):
        raise TaskError(f"{what} was created by {makers}, not by deploy-model, so it stays: remove it with that tool")
    owner, uid = owner_of(found)
    if not owner_uid or uid == owner_uid:
        return True
    if uid:
        print(f"{what} belongs to PipelineRun {owner} ({uid}), which has replaced this run's, so it stays", flush=True)
        return False
    raise TaskError(
        f"{what} belongs to no PipelineRun, so it stays: set OWNER_NAME and OWNER_UID of deploy-model to this run's"
    )


def remove_model(request: Request, end: float) -> None:
    objects = Objects(connect(), own_namespace(), FIELD_MANAGER)
    service = objects.get(*SERVICE, request.name)
    if service is None:
        print(f"there is no InferenceService {objects.namespace}/{request.name}", flush=True)
        wait_until_gone(objects, lambda: pods_left(objects, request.name), f"every pod of {request.name}", end)
    elif may_be_removed(objects, service, request.owner_uid):
        remove(objects, service, end)
    else:
        return
    runtime = objects.get(*RUNTIME, request.name)
    # A runtime of that name that deploy-model did not create existed before, and may serve other models.
    if runtime and not other_makers(runtime) and request.owner_uid in ("", owner_of(runtime)[1]):
        remove(objects, runtime, end)


def main() -> None:
    request = read_parameters()
    end = time.monotonic() + request.timeout_seconds
    once_available(lambda: remove_model(request, end), end)


if __name__ == "__main__":
    run(main)
