"""What a task does with the Kubernetes API: server-side apply, and waiting until a Deployment is truly rolled out."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import urllib3
from kubernetes import config
from kubernetes.client import ApiClient, Configuration, CoreV1Api
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError
from task_support import TaskError

Manifest = dict[str, object]

# Tells the pods of this declaration from those of an earlier one.
DIGEST_ANNOTATION = "modelcar.local/spec-digest"
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
# A watch may miss what happens while it is renewed.
SECONDS_BETWEEN_LOOKS = 30.0
WATCH_SECONDS = 240
LOG_LINES = 20
# Seconds that a problem may last: an autoscaler may have to add a node, an old pod to leave the quota.
SCHEDULING_PATIENCE, START_PATIENCE = 600.0, 60.0
# A first crash may be a dependency that was late.
CRASHES_TOLERATED = 1
WAITING_REASONS = (
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)


def connect() -> DynamicClient:
    """As the pod's service account, or with the kubeconfig that KUBECONFIG names."""
    configuration = Configuration()
    try:
        if os.environ.get("KUBECONFIG"):
            config.load_kube_config(client_configuration=configuration)
        else:
            config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException as error:
        raise TaskError(f"there is no access to Kubernetes: {error}; mount the service account's token") from error
    configuration.retries = urllib3.Retry(total=5, backoff_factor=0.5)
    return DynamicClient(ApiClient(configuration))


def own_namespace() -> str:
    """NAMESPACE, or that of the pod."""
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
        """Brings an object to what the manifest says. Fields that someone else owns are not taken over."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        try:
            resource = self._client.resources.get(api_version=manifest["apiVersion"], kind=kind)
            applied = self._client.server_side_apply(
                resource, manifest, namespace=self.namespace, field_manager=self._manager
            )
        except ResourceNotFoundError as error:
            raise TaskError(f"the cluster has no {manifest['apiVersion']} {kind}: is its operator installed?") from error
        except ApiException as error:
            raise TaskError(self._explain(f"{kind} {name} cannot be applied", error)) from error
        print(f"applied {kind} {name}", flush=True)
        return applied.to_dict()

    def create_once(self, manifest: Manifest) -> bool:
        """Creates an object, or keeps the one of that name as it is. Returns whether it was created."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        try:
            resource = self._client.resources.get(api_version=manifest["apiVersion"], kind=kind)
            self._client.create(resource, manifest, namespace=self.namespace, field_manager=self._manager)
        except ApiException as error:
            if error.status == 409:
                print(f"{kind} {name} exists and is kept", flush=True)
                return False
            raise TaskError(self._explain(f"{kind} {name} cannot be created", error)) from error
        print(f"created {kind} {name}", flush=True)
        return True

    def get(self, api_version: str, kind: str, name: str) -> Manifest | None:
        try:
            resource = self._client.resources.get(api_version=api_version, kind=kind)
            return self._client.get(resource, name=name, namespace=self.namespace).to_dict()
        except ApiException as error:
            if error.status == 404:
                return None
            raise TaskError(self._explain(f"{kind} {name} cannot be read", error)) from error

    def list(self, api_version: str, kind: str, selector: str) -> list[Manifest]:
        try:
            resource = self._client.resources.get(api_version=api_version, kind=kind)
            found = self._client.get(resource, namespace=self.namespace, label_selector=selector)
            return found.to_dict()["items"]
        except ApiException as error:
            raise TaskError(self._explain(f"objects of kind {kind} cannot be listed", error)) from error

    def changes(self, api_version: str, kind: str, **selector: str) -> Iterator[None]:
        """Goes on at each change of what is selected, for some minutes."""
        resource = self._client.resources.get(api_version=api_version, kind=kind)
        for _ in self._client.watch(resource, namespace=self.namespace, timeout=WATCH_SECONDS, **selector):
            yield

    def last_log_lines(self, pod: str, container: str) -> str:
        """Of the container's run before the present one, or of the present one where there was none before."""
        pods = CoreV1Api(self._client.client)
        for previous in (True, False):
            try:
                options = {"container": container, "tail_lines": LOG_LINES, "previous": previous}
                if text := pods.read_namespaced_pod_log(pod, self.namespace, **options):
                    return text.strip()
            except ApiException:
                continue
        return ""

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
    """What keeps a pod from running; `seconds` is how long it may last, and `crashed` the container whose log tells more."""

    text: str
    seconds: float
    crashed: str = ""


def pod_problem(pod: Manifest) -> Problem | None:
    status = pod.get("status") or {}
    scheduled = next((c for c in status.get("conditions") or [] if c["type"] == "PodScheduled"), None)
    if scheduled and scheduled["status"] == "False":
        return Problem(f"{scheduled.get('reason')}: {scheduled.get('message')}", SCHEDULING_PATIENCE)
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state, name = container.get("state") or {}, container["name"]
        waiting = state.get("waiting") or {}
        if waiting.get("reason") in WAITING_REASONS:
            return Problem(f"container {name}: {waiting['reason']}: {waiting.get('message', '')}", START_PATIENCE)
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
        if not ended or ended["exitCode"] == 0:
            continue
        text = f"container {name} ended: {ended.get('reason', 'Error')}, exit code {ended['exitCode']}"
        if ended.get("reason") == "OOMKilled":
            return Problem(f"{text}; give it more memory", 0, name)
        if container["restartCount"] > CRASHES_TOLERATED:
            return Problem(text, 0, name)
    return None


def is_rolled_out(deployment: Manifest, digest: str) -> bool:
    """Whether every replica is of the declaration with this digest and available, and no other is left."""
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
    """Waits for a Deployment whose pod template carries a digest; fails with the pod's reason as soon as that is clear."""

    def __init__(self, objects: Objects, name: str, selector: str, digest: str) -> None:
        self._objects, self._name, self._selector, self._digest = objects, name, selector, digest
        self._changed = threading.Event()
        self._since: dict[str, tuple[str, float]] = {}
        self._patience: dict[str, float] = {}
        self._state = f"waiting for Deployment {name}"

    def wait(self, end: float) -> None:
        """Until time.monotonic() is `end`."""
        watches = (
            ("apps/v1", "Deployment", {"field_selector": f"metadata.name={self._name}"}),
            ("v1", "Pod", {"label_selector": self._selector}),
        )
        for api_version, kind, selector in watches:
            threading.Thread(target=self._watch, args=(api_version, kind, selector), daemon=True).start()
        while not self._look():
            left = end - time.monotonic()
            if left <= 0:
                raise TaskError(f"Deployment {self._name} is not rolled out within the time: {self._state}")
            self._changed.wait(min(left, SECONDS_BETWEEN_LOOKS, self._shortest_patience()))
            self._changed.clear()

    def _watch(self, api_version: str, kind: str, selector: dict[str, str]) -> None:
        while True:
            try:
                for _ in self._objects.changes(api_version, kind, **selector):
                    self._changed.set()
            except Exception:  # A look says what is wrong, if it lasts.
                time.sleep(1)

    def _look(self) -> bool:
        deployment = self._objects.get("apps/v1", "Deployment", self._name)
        if deployment and is_rolled_out(deployment, self._digest):
            return True
        problems = self._pod_problems()
        if deployment and (refused := refusal(deployment)):
            problems[self._name] = Problem(f"no pod is admitted: {refused}", START_PATIENCE)
        now = time.monotonic()
        self._since = {
            name: self._since[name] if name in self._since and self._since[name][0] == problem.text else (problem.text, now)
            for name, problem in problems.items()
        }
        for name, problem in problems.items():
            if now - self._since[name][1] >= problem.seconds:
                self._fail(name, problem)
        self._patience = {name: problem.seconds for name, problem in problems.items()}
        self._say(next((problem.text for problem in problems.values()), progress_of(deployment, self._name)))
        return False

    def _pod_problems(self) -> dict[str, Problem]:
        """By pod. Pods of an earlier declaration are on their way out, whatever state they are in."""
        found = {}
        for pod in self._objects.list("v1", "Pod", self._selector):
            if pod["metadata"].get("deletionTimestamp") or not has_digest(pod, self._digest):
                continue
            if problem := pod_problem(pod):
                found[pod["metadata"]["name"]] = problem
        return found

    def _shortest_patience(self) -> float:
        now = time.monotonic()
        lefts = [self._since[name][1] + seconds - now for name, seconds in self._patience.items()]
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
    """Why no pod is admitted, as a quota says it; "" if that is not so."""
    conditions = (deployment.get("status") or {}).get("conditions") or []
    refused = (c for c in conditions if c["type"] == "ReplicaFailure" and c["status"] == "True")
    return next((c.get("message", "ReplicaFailure") for c in refused), "")


def progress_of(deployment: Manifest | None, name: str) -> str:
    if deployment is None:
        return f"waiting for Deployment {name}"
    status = deployment.get("status") or {}
    available, wanted = status.get("availableReplicas", 0), deployment["spec"].get("replicas", 1)
    return f"Deployment {name}: {available} of {wanted} available, {status.get('updatedReplicas', 0)} updated"
