"""Runs the deploying task against a real API server; the tests play the kubelet and OpenShift's router."""

import base64
import json
import re
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from kubernetes_objects import DIGEST_ANNOTATION

FOLDER = Path(__file__).parent
IMAGE = "quay.io/modelcar/anythingllm@sha256:" + "1" * 64
NAME = "anything-llm"
URL = "http://codellama-predictor.ai.svc.cluster.local"
SECRET_KEYS = {"AUTH_TOKEN", "JWT_SECRET", "SIG_KEY", "SIG_SALT"}
# The rules of the task's job.yaml.
RULES = [
    {"apiGroups": [""], "resources": ["persistentvolumeclaims", "services"], "verbs": ["create", "patch"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch", "create", "patch"]},
    {"apiGroups": ["route.openshift.io"], "resources": ["routes"], "verbs": ["get", "create", "patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]  # fmt: skip


class Cluster:
    """A separate namespace, where the test plays the kubelet and the router."""

    def __init__(self, api, namespace: str) -> None:
        self._api, self.namespace = api, namespace
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        self.call("POST", f"{roles}/roles", {"metadata": {"name": "deployer"}, "rules": RULES})
        subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "user"}
        role = {"kind": "Role", "apiGroup": "rbac.authorization.k8s.io", "name": "deployer"}
        binding = {"metadata": {"name": "deployer"}, "roleRef": role, "subjects": [subject]}
        self.call("POST", f"{roles}/rolebindings", binding)

    def call(self, method: str, path: str, body: object = None, kind: str = "application/json") -> dict:
        return self._api.call(method, path, body, kind)

    def path(self, plural: str, name: str = NAME) -> str:
        groups = {"deployments": "/apis/apps/v1", "routes": "/apis/route.openshift.io/v1"}
        return f"{groups.get(plural, '/api/v1')}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def find(self, plural: str, name: str = NAME) -> dict | None:
        try:
            return self.call("GET", self.path(plural, name))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def wait(self, plural: str, newer_than: int = 0) -> dict:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.find(plural)
            if found and found["metadata"].get("generation", 1) > newer_than:
                return found
            time.sleep(0.1)
        raise AssertionError(f"nothing was applied to {plural}")

    def set_status(self, plural: str, status: dict, name: str = NAME) -> None:
        path = f"{self.path(plural, name)}/status"
        self.call("PATCH", path, {"status": status}, "application/merge-patch+json")

    def roll_out(self, newer_than: int = 0) -> None:
        generation = self.wait("deployments", newer_than)["metadata"]["generation"]
        counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), 1)
        self.set_status("deployments", {"observedGeneration": generation, **counts})

    def pod(self, template: dict, status: dict) -> None:
        metadata = {"name": "the-pod", **template["metadata"]}
        containers = [{"name": "anything-llm", "image": IMAGE}]
        self.call("POST", self.path("pods", ""), {"metadata": metadata, "spec": {"containers": containers}})
        self.set_status("pods", status, "the-pod")


@pytest.fixture
def cluster(kubernetes_api, request) -> Cluster:
    digits = f"{abs(hash(request.node.name)):x}"[:8]
    return Cluster(kubernetes_api, f"chat-{digits}-{int(time.time() * 1000) % 10_000_000}")


@pytest.fixture(scope="session")
def routes(kubernetes_api) -> None:
    """A stand-in for OpenShift's Route API: any content, and a status subresource."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    names = {"plural": "routes", "singular": "route", "kind": "Route", "listKind": "RouteList"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "routes.route.openshift.io"},
        "spec": {"group": "route.openshift.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }
    kubernetes_api.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    deadline = time.monotonic() + 60
    while True:
        try:
            kubernetes_api.call("GET", "/apis/route.openshift.io/v1/routes")
            return
        except urllib.error.HTTPError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


@pytest.fixture
def deploy(run_task: Callable, request, tmp_path: Path) -> Callable:
    def start(**changes: str):
        parameters = {
            "MODELS_DIRECTORY": str(tmp_path / "models"),
            "MODEL_NAME": "CodeLlama-34b_Python.hf",
            "ENDPOINT_URL": URL,
            "ANYTHINGLLM_IMAGE": IMAGE,
            "CHAT_NAME": NAME,
            "PLATFORM": "kubernetes",
            "MAX_MODEL_LEN": "8192",
            "STORAGE": "1Gi",
            "TIMEOUT_SECONDS": "60",
            "NAMESPACE": "nowhere",
            "KUBECONFIG": "/nothing",
        }
        if "cluster" in request.fixturenames:
            cluster, api = request.getfixturevalue("cluster"), request.getfixturevalue("kubernetes_api")
            parameters |= {"NAMESPACE": cluster.namespace, "KUBECONFIG": api.kubeconfig()}
        return run_task("deploy-anythingllm", ["url"], **{**parameters, **changes})

    return start


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Runs `work` in parallel with the task; if it fails, the test fails."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.kubernetes
def test_deploys_and_returns_the_url_when_the_pod_is_available(deploy, cluster):
    with meanwhile(cluster.roll_out):
        outcome = deploy()
    assert (outcome.code, outcome.error) == (0, "")
    assert outcome.results == {"url": f"http://{NAME}.{cluster.namespace}.svc.cluster.local"}
    container = cluster.find("deployments")["spec"]["template"]["spec"]["containers"][0]
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert environment["LLM_PROVIDER"] == "generic-openai"
    assert environment["GENERIC_OPEN_AI_BASE_PATH"] == f"{URL}/v1"
    assert environment["GENERIC_OPEN_AI_MODEL_PREF"] == "codellama-34b-python-hf"
    assert cluster.find("persistentvolumeclaims")["spec"]["resources"]["requests"] == {"storage": "1Gi"}
    ports = cluster.find("services")["spec"]["ports"]
    assert [(port["port"], port["targetPort"]) for port in ports] == [(80, "http")]


@pytest.mark.kubernetes
def test_password_and_keys_are_generated_once_and_never_printed(deploy, cluster):
    outcomes = []
    for _ in range(2):
        with meanwhile(cluster.roll_out):
            outcomes.append((deploy(), cluster.find("secrets")["data"]))
    (first, data), (second, kept) = outcomes
    assert (first.code, second.code) == (0, 0)
    assert data == kept and data.keys() == SECRET_KEYS
    values = [base64.b64decode(value).decode() for value in data.values()]
    assert len(set(values)) == 4 and all(len(value) >= 32 for value in values)
    shown = first.output + second.output + json.dumps(cluster.find("deployments"))
    assert not any(value in shown for value in values)
    assert f"the key AUTH_TOKEN of Secret {NAME}" in first.output


@pytest.mark.kubernetes
def test_the_url_from_the_workspace_is_used(deploy, cluster, tmp_path):
    file = tmp_path / "models" / "run-1" / "service-url"
    file.parent.mkdir(parents=True)
    file.write_text("http://from-the-workspace.ai.svc.cluster.local\n")
    with meanwhile(cluster.roll_out):
        outcome = deploy(ENDPOINT_URL="", SERVICE_URL_FILE="run-1/service-url")
    assert outcome.code == 0, outcome.error
    container = cluster.find("deployments")["spec"]["template"]["spec"]["containers"][0]
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert environment["GENERIC_OPEN_AI_BASE_PATH"] == "http://from-the-workspace.ai.svc.cluster.local/v1"


@pytest.mark.kubernetes
def test_a_changed_spec_is_waited_for_and_an_unchanged_one_is_ready_at_once(deploy, cluster):
    with meanwhile(cluster.roll_out):
        assert deploy().code == 0
    before = cluster.find("deployments")
    assert deploy(TIMEOUT_SECONDS="20").code == 0
    assert cluster.find("deployments")["metadata"]["generation"] == before["metadata"]["generation"]
    with meanwhile(lambda: cluster.roll_out(before["metadata"]["generation"])):
        assert deploy(ENDPOINT_URL="http://elsewhere").code == 0
    annotations = [one["spec"]["template"]["metadata"]["annotations"] for one in (before, cluster.find("deployments"))]
    assert annotations[0][DIGEST_ANNOTATION] != annotations[1][DIGEST_ANNOTATION]


@pytest.mark.kubernetes
def test_on_openshift_the_url_is_the_admitted_host(deploy, cluster, routes):
    def openshift() -> None:
        cluster.roll_out()
        cluster.wait("routes")
        time.sleep(1)
        admitted = {"host": "chat.apps.test", "conditions": [{"type": "Admitted", "status": "True"}]}
        cluster.set_status("routes", {"ingress": [admitted]})

    with meanwhile(openshift):
        outcome = deploy(PLATFORM="openshift")
    assert outcome.code == 0, outcome.error
    assert outcome.results == {"url": "https://chat.apps.test"}
    assert cluster.find("routes")["spec"]["tls"] == {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"}
    pod = cluster.find("deployments")["spec"]["template"]["spec"]
    assert "runAsUser" not in pod["securityContext"]
    assert {"name": "storage", "mountPath": "/opt/app-root/src/anythingllm"} in pod["containers"][0]["volumeMounts"]


@pytest.mark.kubernetes
def test_a_refused_or_never_admitted_route_is_an_error(deploy, cluster, routes):
    refused = {"type": "Admitted", "status": "False", "reason": "HostAlreadyClaimed", "message": "of another project"}

    def openshift() -> None:
        cluster.roll_out()
        cluster.wait("routes")
        cluster.set_status("routes", {"ingress": [{"host": "chat.apps.test", "conditions": [refused]}]})

    with meanwhile(openshift):
        outcome = deploy(PLATFORM="openshift")
    assert outcome.error == f"error: Route {NAME} is refused: HostAlreadyClaimed: of another project\n"
    cluster.set_status("routes", {"ingress": []})
    late = deploy(PLATFORM="openshift", TIMEOUT_SECONDS="3")
    assert late.error == f"error: no router admitted Route {NAME} in time\n"


@pytest.mark.kubernetes
def test_a_pod_that_cannot_run_ends_the_wait_with_its_reason(deploy, cluster):
    terminated = {"exitCode": 1, "reason": "Error"}
    container = {"name": "anything-llm", "image": IMAGE, "imageID": "", "ready": False, "restartCount": 2}
    status = {"containerStatuses": [{**container, "state": {"terminated": terminated}}]}
    started = time.monotonic()
    with meanwhile(lambda: cluster.pod(cluster.wait("deployments")["spec"]["template"], status)):
        outcome = deploy()
    reason = "container anything-llm ended: Error, exit code 1"
    assert outcome.error == f"error: {cluster.namespace}/the-pod: {reason}\n"
    assert time.monotonic() - started < 50
    assert outcome.results == {}


@pytest.mark.kubernetes
@pytest.mark.parametrize("platform", ["kubernetes", "openshift"])
def test_its_pods_meet_the_restricted_pod_security_standard(deploy, cluster, routes, platform):
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = f"/api/v1/namespaces/{cluster.namespace}"
    cluster.call("PATCH", namespace, {"metadata": {"labels": labels}}, "application/merge-patch+json")
    deploy(PLATFORM=platform, TIMEOUT_SECONDS="1")
    template = cluster.find("deployments")["spec"]["template"]
    pod = {"metadata": {"name": "the-pod", **template["metadata"]}, "spec": template["spec"]}
    path = cluster.path("pods", "") + "?dryRun=All"
    assert cluster.call("POST", path, pod)["metadata"]["name"] == "the-pod"
    pod["spec"]["containers"][0].pop("securityContext")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        cluster.call("POST", path, pod)
    assert refusal.value.code == 403


@pytest.mark.kubernetes
def test_optional_params_reach_the_objects(deploy, cluster):
    own = {
        "API_KEY_SECRET": "sums-api-key",
        "STORAGE_DIRECTORY": "/data",
        "STORAGE_CLASS": "fast",
        "PULL_SECRET": "quay",
    }
    deploy(**own, TIMEOUT_SECONDS="1")
    pod = cluster.find("deployments")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    key = next(entry for entry in container["env"] if entry["name"] == "GENERIC_OPEN_AI_API_KEY")
    assert key["valueFrom"]["secretKeyRef"] == {"name": "sums-api-key", "key": "api-key"}
    assert container["volumeMounts"] == [{"name": "storage", "mountPath": "/data"}]
    assert pod["imagePullSecrets"] == [{"name": "quay"}]
    assert cluster.find("persistentvolumeclaims")["spec"]["storageClassName"] == "fast"


@pytest.mark.kubernetes
def test_objects_of_another_field_manager_are_not_taken_over(deploy, cluster):
    resources = {"requests": {"storage": "2Gi"}}
    claim = {"metadata": {"name": NAME}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources}}
    cluster.call("POST", cluster.path("persistentvolumeclaims", "") + "?fieldManager=pulumi", claim)
    outcome = deploy()
    assert outcome.code == 1
    assert "another tool manages it" in outcome.error and "pulumi" in outcome.error
    assert cluster.find("deployments") is None


@pytest.mark.kubernetes
def test_missing_rights_are_named(deploy, cluster):
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{cluster.namespace}/roles/deployer"
    cluster.call("PATCH", role, {"rules": RULES[:1] + RULES[2:]}, "application/merge-patch+json")
    outcome = deploy()
    assert 'cannot create resource "secrets"' in outcome.error
    assert outcome.error.endswith("give the task's service account this right\n")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ANYTHINGLLM_IMAGE": "mintplexlabs/anythingllm:latest"}, "ANYTHINGLLM_IMAGE must be AnythingLLM's image by digest"),
        ({"ENDPOINT_URL": "", "SERVICE_URL_FILE": "service-url"}, "service-url is missing: let deploy-model write it"),
        ({"ENDPOINT_URL": "ftp://model"}, "the model's URL must be http://… or https://…, not 'ftp://model'"),
        ({"MAX_MODEL_LEN": "much", "STORAGE": "big"}, "MAX_MODEL_LEN must be a whole number, not 'much'; STORAGE must be"),
        ({"PLATFORM": "nomad", "CHAT_NAME": "Chat"}, "PLATFORM must be openshift or kubernetes, not 'nomad'; "),
        ({}, "no access to the Kubernetes API"),
    ],
)  # fmt: skip
def test_expected_failures_are_one_line(deploy, changes, message):
    outcome = deploy(**changes)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1


def test_the_url_may_have_the_apis_path(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    script = FOLDER / "deploy-anythingllm.py"
    names: dict = {"__name__": "script"}
    exec(compile(script.read_text(), script, "exec"), names)
    for url in (URL, f"{URL}/", f"{URL}/v1", f"{URL}/v1/"):
        assert names["read_url"](names["Parameters"]({"ENDPOINT_URL": url})) == URL


def test_every_param_reaches_the_script():
    task = yaml.safe_load((FOLDER / "task.yaml").read_text())
    params = {param["name"] for param in task["spec"]["params"]}
    environment = {entry["name"]: entry["value"] for entry in task["spec"]["steps"][0]["env"]}
    assert {name for name in params if environment.get(name) == f"$(params.{name})"} == params
    read = set(re.findall(r'"([A-Z][A-Z_]{3,})"', (FOLDER / "deploy-anythingllm.py").read_text()))
    assert params <= read
