"""Access to the Kubernetes API: server-side apply, and waiting until a Deployment is really rolled out."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import urllib3
from json_object import JsonObject
from kubernetes import config

# Not CoreV1Api: importing a class for every kind takes most of a second of CPU.
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient, Resource
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError, ResourceNotFoundError
from rollout_rules import rollout_rules
from task_support import TaskError

Manifest = JsonObject
Answer = TypeVar("Answer")

# Distinguishes the pods of this spec from those of an earlier one.
DIGEST_ANNOTATION = "modelcar.local/spec-digest"
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
# A watch may miss changes while it is renewed.
SECONDS_BETWEEN_LOOKS = 30.0
WATCH_SECONDS = 240
SECONDS_UNTIL_AVAILABLE = 3
# Not 500, which is also the answer to a manifest with an unknown field.
PASSING_STATUSES = (429, 502, 503, 504)
LOG_LINES = 20


class Unavailable(TaskError):
    """The Kubernetes API is temporarily unavailable; the request can be retried."""


def once_available(ask: Callable[[], Answer], end: float) -> Answer:
    """Returns the result of `ask`, which is retried while the API is unavailable, until time.monotonic() is `end`."""
    while True:
        try:
            return ask()
        except Unavailable as error:
            if time.monotonic() >= end:
                raise
            print(error, flush=True)
            time.sleep(SECONDS_UNTIL_AVAILABLE)


def connect() -> DynamicClient:
    """Connects with the kubeconfig that KUBECONFIG names, or as the pod's service account."""
    configuration = Configuration()
    try:
        if os.environ.get("KUBECONFIG"):
            config.load_kube_config(client_configuration=configuration)
        else:
            config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException as error:
        raise TaskError(f"no access to the Kubernetes API: {error}; mount the service account's token") from error
    configuration.retries = urllib3.Retry(total=5, backoff_factor=0.5)
    try:
        return DynamicClient(ApiClient(configuration))
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable(f"the Kubernetes API cannot be reached: {error}") from error


def own_namespace() -> str:
    """NAMESPACE, or the pod's namespace."""
    if namespace := os.environ.get("NAMESPACE", "").strip():
        return namespace
    if NAMESPACE_FILE.is_file():
        return NAMESPACE_FILE.read_text().strip()
    raise TaskError("NAMESPACE is not set, and the service account's token is not mounted")


def digest_of(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


class Objects:
    """The objects of one namespace, applied as one field manager."""

    def __init__(self, client: DynamicClient, namespace: str, manager: str) -> None:
        self._client, self.namespace, self._manager = client, namespace, manager

    def apply(self, manifest: Manifest) -> Manifest:
        """Applies the manifest server-side. Fields of other managers are not taken over."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        with self._explained(f"{kind} {name} cannot be applied"):
            resource = self._resource(manifest["apiVersion"], kind)
            applied: Manifest = self._client.server_side_apply(
                resource, manifest, namespace=self.namespace, field_manager=self._manager
            ).to_dict()
        print(f"applied {kind} {name}", flush=True)
        return applied

    def create_once(self, manifest: Manifest) -> bool:
        """Creates an object, or keeps the existing one of that name. Returns whether it was created."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        with self._explained(f"{kind} {name} cannot be created"):
            resource = self._resource(manifest["apiVersion"], kind)
            try:
                self._client.create(resource, manifest, namespace=self.namespace, field_manager=self._manager)
            except ConflictError:
                print(f"{kind} {name} exists and is kept", flush=True)
                return False
        print(f"created {kind} {name}", flush=True)
        return True

    def get(self, api_version: str, kind: str, name: str) -> Manifest | None:
        with self._explained(f"{kind} {name} cannot be read"):
            resource = self._resource(api_version, kind)
            try:
                found: Manifest = self._client.get(resource, name=name, namespace=self.namespace).to_dict()
            except NotFoundError:
                return None
        return found

    def list(self, api_version: str, kind: str, selector: str) -> list[Manifest]:
        with self._explained(f"objects of kind {kind} cannot be listed"):
            resource = self._resource(api_version, kind)
            found = self._client.get(resource, namespace=self.namespace, label_selector=selector)
            items: list[Manifest] = found.to_dict()["items"]
        return items

    def delete(self, found: Manifest) -> None:
        """Deletes an object in the foreground, unless it was replaced since it was read."""
        kind, metadata = found["kind"], found["metadata"]
        options = {"propagationPolicy": "Foreground", "preconditions": {"uid": metadata["uid"]}}
        with self._explained(f"{kind} {metadata['name']} cannot be deleted"):
            resource = self._resource(found["apiVersion"], kind)
            try:
                self._client.delete(resource, name=metadata["name"], namespace=self.namespace, body=options)
            except (NotFoundError, ConflictError):
                return

    def changes(self, api_version: str, kind: str, **selector: str) -> Iterator[None]:
        """Yields at each change of a selected object, for a few minutes."""
        resource = self._client.resources.get(api_version=api_version, kind=kind)
        for _ in self._client.watch(resource, namespace=self.namespace, timeout=WATCH_SECONDS, **selector):
            yield

    def last_log_lines(self, pod: str, container: str) -> str:
        """Of the container's previous instance, or of the current one if there was none."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/log"
        for previous in ("true", "false"):
            query = [("container", container), ("tailLines", LOG_LINES), ("previous", previous)]
            try:
                answer = self._client.request(
                    "get", path, query_params=query, header_params={"Accept": "*/*"}, serialize=False
                )
            except ApiException:
                continue
            text: str = answer.data.decode(errors="replace").strip()
            if text:
                return text
        return ""

    def _resource(self, api_version: str, kind: str) -> Resource:
        try:
            return self._client.resources.get(api_version=api_version, kind=kind)
        except ResourceNotFoundError as error:
            raise TaskError(f"the cluster has no {api_version} {kind}: is its operator installed?") from error

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except ApiException as error:
            kind = Unavailable if error.status in PASSING_STATUSES else TaskError
            raise kind(self._explain(what, error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{what}: the Kubernetes API cannot be reached: {error}") from error

    def _explain(self, what: str, error: ApiException) -> str:
        try:
            message = json.loads(error.body)["message"]
        except (ValueError, KeyError, TypeError):
            message = error.reason
        where = f"{what} in namespace {self.namespace}"
        if error.status == 403:
            return f"{where}: {message}; give the task's service account this right"
        if error.status == 409:
            return f"{where}: {message}; another tool manages it, so give this one another name"
        return f"{where}: {error.status} {message}"


@dataclass(frozen=True)
class Problem:
    """What keeps a pod from running; `seconds` is how long it may last, `crashed` the container whose log to print.

    Another text is another problem, whose time starts again. A problem with a `name` may change its text.
    """

    text: str
    seconds: float
    crashed: str = ""
    name: str = ""

    def is_still(self, earlier: "Problem") -> bool:
        return (self.name or self.text) == (earlier.name or earlier.text)


def pod_problem(pod: Manifest, scheduling_seconds: float) -> Problem | None:
    rules = rollout_rules()
    status = pod.get("status") or {}
    scheduled = next((c for c in status.get("conditions") or [] if c["type"] == "PodScheduled"), None)
    if scheduled and scheduled["status"] == "False":
        reason = f"{scheduled.get('reason')}: {scheduled.get('message')}"
        text = f"no node takes it (waited for at most {scheduling_seconds:.0f} s): {reason}"
        return Problem(text, scheduling_seconds, name="scheduling")
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state, name = container.get("state") or {}, container["name"]
        waiting = state.get("waiting") or {}
        if waiting.get("reason") in rules.waiting_reasons:
            text = f"container {name}: {waiting['reason']}: {waiting.get('message', '')}"
            # The reason alternates between ErrImagePull and ImagePullBackOff.
            return Problem(text, rules.start, name=f"start of {name}")
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
        if not ended or ended["exitCode"] == 0 or ended.get("reason") in rules.lost_with_the_node:
            continue
        text = f"container {name} ended: {ended.get('reason', 'Error')}, exit code {ended['exitCode']}"
        if ended.get("reason") == "OOMKilled":
            return Problem(f"{text}; give it more memory", 0, name)
        if container["restartCount"] > rules.crashes_tolerated:
            return Problem(text, 0, name)
    return None


def is_rolled_out(deployment: Manifest, digest: str) -> bool:
    """Whether all replicas have the spec with this digest and are available, and no other replica is left."""
    status, replicas = deployment.get("status") or {}, deployment["spec"].get("replicas", 1)
    counts = [status.get(name, 0) for name in ("updatedReplicas", "availableReplicas", "replicas")]
    return (
        has_digest(deployment["spec"]["template"], digest)
        and status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and counts == [replicas] * 3
    )


def has_digest(template: Manifest, digest: str) -> bool:
    return (template["metadata"].get("annotations") or {}).get(DIGEST_ANNOTATION) == digest


class Rollout:
    """Waits for a Deployment whose pod template has a digest; fails with a pod's reason as soon as it is clear.

    `scheduling_seconds` is how long a pod may wait for a node; default: the program's own limit. `refused` returns why
    the controller does not create the Deployment, "" if unknown.
    """

    def __init__(
        self,
        objects: Objects,
        name: str,
        selector: str,
        digest: str,
        scheduling_seconds: float | None = None,
        refused: Callable[[], str] = lambda: "",
    ) -> None:
        self._refused = refused
        self._objects, self._name, self._selector, self._digest = objects, name, selector, digest
        self._scheduling_seconds = rollout_rules().scheduling if scheduling_seconds is None else scheduling_seconds
        self._changed = threading.Event()
        # By pod, with the time at which the problem began.
        self._problems: dict[str, tuple[Problem, float]] = {}
        self._state = f"waiting for Deployment {name}"

    def wait(self, end: float) -> None:
        """Waits until time.monotonic() is `end`; TaskError if the Deployment is not rolled out by then."""
        watches = (
            ("apps/v1", "Deployment", {"field_selector": f"metadata.name={self._name}"}),
            ("v1", "Pod", {"label_selector": self._selector}),
        )
        for api_version, kind, selector in watches:
            threading.Thread(target=self._watch, args=(api_version, kind, selector), daemon=True).start()
        while not self._look():
            left = end - time.monotonic()
            if left <= 0:
                raise TaskError(f"Deployment {self._name} was not rolled out in time: {self._state}")
            self._changed.wait(min(left, SECONDS_BETWEEN_LOOKS, self._shortest_patience()))
            self._changed.clear()

    def _watch(self, api_version: str, kind: str, selector: dict[str, str]) -> None:
        while True:
            try:
                for _ in self._objects.changes(api_version, kind, **selector):
                    self._changed.set()
            except Exception:  # noqa: BLE001 If it lasts, _look reports it.
                time.sleep(1)

    def _look(self) -> bool:
        try:
            return self._judge()
        except Unavailable as error:
            self._say(str(error))
            return False

    def _judge(self) -> bool:
        deployment = self._objects.get("apps/v1", "Deployment", self._name)
        if deployment and is_rolled_out(deployment, self._digest):
            return True
        problems = self._pod_problems()
        if deployment and (refused := refusal(deployment)):
            problems[self._name] = Problem(f"no pod is admitted: {refused}", rollout_rules().admission)
        is_made = deployment and has_digest(deployment["spec"]["template"], self._digest)
        if not is_made and (refused := self._refused()):
            problems[self._name] = Problem(refused, rollout_rules().refusal, name="refusal")
        now = time.monotonic()
        earlier = self._problems
        self._problems = {
            name: (problem, earlier[name][1] if name in earlier and problem.is_still(earlier[name][0]) else now)
            for name, problem in problems.items()
        }
        for name, (problem, since) in self._problems.items():
            if now - since >= problem.seconds:
                self._fail(name, problem)
        self._say(next((problem.text for problem in problems.values()), progress_of(deployment, self._name)))
        return False

    def _pod_problems(self) -> dict[str, Problem]:
        """By pod. Pods of an earlier spec are being replaced, so their state does not matter."""
        found = {}
        for pod in self._objects.list("v1", "Pod", self._selector):
            if pod["metadata"].get("deletionTimestamp") or not has_digest(pod, self._digest):
                continue
            if problem := pod_problem(pod, self._scheduling_seconds):
                found[pod["metadata"]["name"]] = problem
        return found

    def _shortest_patience(self) -> float:
        now = time.monotonic()
        lefts = [since + problem.seconds - now for problem, since in self._problems.values()]
        return max(0.1, min(lefts, default=SECONDS_BETWEEN_LOOKS))

    def _fail(self, name: str, problem: Problem) -> None:
        if problem.crashed and (lines := self._objects.last_log_lines(name, problem.crashed)):
            print(f"last lines of the log of {name}, container {problem.crashed}:\n{lines}", flush=True)
        raise TaskError(f"{self._objects.namespace}/{name}: {problem.text}")

    def _say(self, state: str) -> None:
        if state != self._state:
            print(state, flush=True)
        self._state = state


def refusal(deployment: Manifest) -> str:
    """Why no pod is admitted, such as a quota; "" if pods are admitted."""
    conditions = (deployment.get("status") or {}).get("conditions") or []
    refused = (c for c in conditions if c["type"] == "ReplicaFailure" and c["status"] == "True")
    return next((c.get("message", "ReplicaFailure") for c in refused), "")


def progress_of(deployment: Manifest | None, name: str) -> str:
    if deployment is None:
        return f"waiting for Deployment {name}"
    status = deployment.get("status") or {}
    available, wanted = status.get("availableReplicas", 0), deployment["spec"].get("replicas", 1)
    return f"Deployment {name}: {available} of {wanted} available, {status.get('updatedReplicas', 0)} updated"
