"""The deploying task with a complete InferenceService, owned by a run, against a real API server with KServe's CRDs."""

import copy
import json
import time
from collections.abc import Callable, Iterator

import pytest
from any_user import IDENTITY
from json_object import JsonObject
from kserve_stand_in import Cluster, Meanwhile, Model
from kubernetes_objects import DIGEST_ANNOTATION
from serving_objects import FIELD_MANAGER

kubernetes = pytest.mark.kubernetes
RESULTS = ["inference-service", "service-url"]
IMAGE = "quay.io/modelcar/vllm@sha256:" + "1" * 64
NAME = "sums-candidate"
RUN, UID = "measure-sums", "11111111-2222-3333-4444-555555555555"
OLD_RUN, OLD_UID = "measure-sums-before", "99999999-2222-3333-4444-555555555555"
# The rules of the task's job.yaml.
RULES = [
    {
        "apiGroups": ["serving.kserve.io"],
        "resources": ["servingruntimes", "inferenceservices"],
        "verbs": ["get", "create", "patch", "delete"],
    },
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
]
# Like the ones that components/serving/inference-service.ts builds.
SERVICE: JsonObject = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {
        "name": NAME,
        "annotations": {
            "serving.kserve.io/deploymentMode": "Standard",
            "serving.kserve.io/autoscalerClass": "none",
        },
        "labels": {"opendatahub.io/dashboard": "true", "networking.kserve.io/visibility": "cluster-local"},
    },
    "spec": {
        "predictor": {
            "serviceAccountName": "modelcar-serving",
            "automountServiceAccountToken": False,
            "minReplicas": 1,
            "maxReplicas": 1,
            "deploymentStrategy": {"type": "Recreate"},
            "timeout": 600,
            "labels": {"app.kubernetes.io/name": NAME, "app.kubernetes.io/component": "model-server"},
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "model": {
                "modelFormat": {"name": "vLLM"},
                "runtime": "vllm-cpu",
                "storageUri": "s3://llm-models/sums/1/",
                "args": ["--max-model-len=256"],
                "env": [{"name": "OMP_NUM_THREADS", "value": "1"}],
                "resources": {"requests": {"cpu": "1", "memory": "3Gi"}, "limits": {"cpu": "2", "memory": "3Gi"}},
            },
        }
    },
}


def changed(path: str, value: object) -> dict:
    """The manifest with another value at a path of keys; None removes it."""
    manifest = copy.deepcopy(SERVICE)
    *parents, last = path.split(" ")
    inner = manifest
    for key in parents:
        inner = inner.setdefault(key, {})
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return manifest


@pytest.fixture
def cluster(kubernetes_api, request) -> Cluster:
    digits = f"{abs(hash(request.node.name)):x}"[:8]
    return Cluster(kubernetes_api, f"given-{digits}-{int(time.time() * 1000) % 10_000_000}", RULES, NAME)


@pytest.fixture
def model() -> Iterator[Model]:
    with Model(NAME) as model:
        yield model


@pytest.fixture
def deploy(run_task: Callable, kubernetes_api, cluster: Cluster) -> Callable:
    def start(manifest: dict = SERVICE, **changes: str):
        parameters = {
            "KUBECONFIG": kubernetes_api.kubeconfig(),
            "NAMESPACE": cluster.namespace,
            "MODEL_NAME": NAME,
            "INFERENCE_SERVICE": json.dumps(manifest),
            "OWNER_NAME": RUN,
            "OWNER_UID": UID,
            "TIMEOUT_SECONDS": "60",
            "UNSCHEDULABLE_SECONDS": "900",
        }
        return run_task("deploy-model", RESULTS, **{**parameters, **changes})

    return start


def owned(name: str, uid: str) -> list[dict]:
    return [{"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": name, "uid": uid}]


def left_behind(cluster: Cluster, owners: list[dict], manager: str = FIELD_MANAGER) -> dict:
    """An InferenceService that an earlier run left."""
    manifest = changed("metadata ownerReferences", owners)
    manifest["spec"]["predictor"]["model"]["storageUri"] = "s3://llm-models/sums/0/"
    return cluster.apply(manifest, manager)


@kubernetes
def test_a_manifest_is_applied_as_it_is_and_owned_by_the_run(deploy, cluster, model):
    def kserve() -> None:
        service = cluster.await_service()
        cluster.publish_address(model.url)
        cluster.roll_out(service)

    # Params that describe a model are then not read.
    with Meanwhile(kserve):
        outcome = deploy(STORAGE_URI="s3://llm-models/other/", GPUS="4", EXPOSED="perhaps", RUNTIME_IMAGE=IMAGE)
    assert (outcome.code, outcome.error) == (0, "")
    assert outcome.results == {"inference-service": NAME, "service-url": model.url}
    applied = cluster.service()
    assert applied["metadata"]["ownerReferences"] == owned(RUN, UID)
    assert applied["metadata"]["labels"] == SERVICE["metadata"]["labels"]
    predictor = applied["spec"]["predictor"]
    assert predictor.pop("annotations").keys() == {DIGEST_ANNOTATION}
    expected = copy.deepcopy(SERVICE["spec"]["predictor"])
    # Its runtime does not exist, so only the variables of the user's name are added.
    expected["model"]["env"] += [{"name": name, "value": value} for name, value in IDENTITY.items()]
    assert predictor == expected
    assert cluster.runtime() is None
    assert [question["model"] for question in model.asked] == [NAME]


@kubernetes
def test_the_name_and_key_from_the_manifest_are_used(deploy, cluster, model):
    model.answers = [(200, {"model": "sums", "choices": [{"text": "2"}]})]
    manifest = changed("spec predictor model args", ["--max-model-len=256", "--served-model-name", "sums", "--seed=1"])
    manifest["spec"]["predictor"]["model"]["env"] = [
        {"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "sums-api-key", "key": "api-key"}}}
    ]
    without = deploy(manifest, MODEL_NAME="sums")
    assert without.error == "error: OPENAI_API_KEY is not set; the task reads it from its secret\n"
    assert cluster.service() is None

    def kserve() -> None:
        cluster.roll_out(cluster.await_service())
        cluster.publish_address(model.url)

    with Meanwhile(kserve):
        outcome = deploy(manifest, MODEL_NAME="sums", OPENAI_API_KEY="the-key")
    assert outcome.code == 0, outcome.error
    assert model.authorizations == ["Bearer the-key"]
    assert "the-key" not in outcome.output


@kubernetes
def test_a_runtime_that_the_task_creates_is_owned_by_the_run_too(deploy, cluster, model):
    def kserve() -> None:
        cluster.roll_out(cluster.await_service())
        cluster.publish_address(model.url)

    described = {
        "INFERENCE_SERVICE": "",
        "STORAGE_URI": "s3://llm-models/sums/1/",
        "RUNTIME_IMAGE": IMAGE,
        "PLATFORM": "kubernetes",
        "DEPLOYMENT_MODE": "Standard",
        "GPUS": "0",
        "CPU": "1",
        "MEMORY": "3Gi",
        "MAX_MODEL_LEN": "256",
        "EXPOSED": "false",
        "TOKEN_AUTH": "false",
        "STARTUP_MINUTES": "5",
    }
    with Meanwhile(kserve):
        assert deploy(**described).code == 0
    for made in (cluster.runtime(), cluster.service()):
        assert made["metadata"]["ownerReferences"] == owned(RUN, UID)


@kubernetes
def test_the_same_run_can_retry(deploy, cluster, model):
    def kserve() -> None:
        cluster.roll_out(cluster.await_service())
        cluster.publish_address(model.url)

    with Meanwhile(kserve):
        assert deploy().code == 0
    before = cluster.service()["metadata"]
    assert deploy().code == 0
    assert [cluster.service()["metadata"][key] for key in ("uid", "generation")] == [
        before["uid"],
        before["generation"],
    ]


@kubernetes
def test_leftovers_of_an_earlier_run_are_first_removed_with_their_pods(deploy, cluster, model):
    old = left_behind(cluster, owned(OLD_RUN, OLD_UID))
    cluster.pod(old, "old-pod", {"phase": "Running"})

    def others() -> None:
        deleted = cluster.await_deletion()
        assert deleted["metadata"]["finalizers"] == ["foregroundDeletion"]
        cluster.collect_service()
        time.sleep(4)
        # The old pod still has the GPUs.
        assert cluster.service() is None
        cluster.remove_pod("old-pod")
        service = cluster.await_service(other_than=old["metadata"]["uid"])
        cluster.publish_address(model.url)
        cluster.roll_out(service)

    with Meanwhile(others):
        outcome = deploy()
    assert outcome.code == 0, outcome.error
    assert f"is left over from PipelineRun {OLD_RUN} ({OLD_UID}) and is replaced\n" in outcome.output
    assert "remaining pods: old-pod\n" in outcome.output
    service = cluster.service()
    assert service["metadata"]["ownerReferences"] == owned(RUN, UID)
    assert service["spec"]["predictor"]["model"]["storageUri"] == "s3://llm-models/sums/1/"


@kubernetes
def test_a_service_that_is_being_deleted_is_waited_for(deploy, cluster, model):
    old = left_behind(cluster, owned(RUN, UID))
    path = cluster.path("/apis/serving.kserve.io/v1beta1", "inferenceservices", NAME)
    cluster.call("DELETE", path, {"propagationPolicy": "Foreground"})

    outcome = deploy(TIMEOUT_SECONDS="4")
    assert f"InferenceService {NAME} is already being deleted\n" in outcome.output
    assert outcome.error.endswith(f"was not deleted in time: InferenceService {NAME} waits for foregroundDeletion\n")
    cluster.collect_service()

    def kserve() -> None:
        cluster.roll_out(cluster.await_service(other_than=old["metadata"]["uid"]))
        cluster.publish_address(model.url)

    with Meanwhile(kserve):
        assert deploy().code == 0


@kubernetes
@pytest.mark.parametrize(
    ("owners", "manager", "message"),
    [
        ([], FIELD_MANAGER, "was deployed to stay, so no run may replace it"),
        (owned(RUN, UID), "pulumi", "another tool manages it (pulumi)"),
    ],
)
def test_services_that_no_earlier_run_owns_stay(deploy, cluster, owners, manager, message):
    before = left_behind(cluster, owners, manager)
    outcome = deploy()
    assert outcome.code == 1
    assert message in outcome.error and outcome.error.count("\n") == 1
    assert cluster.service()["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


@kubernetes
def test_a_field_that_kserve_does_not_know_is_an_error(deploy, cluster):
    outcome = deploy(changed("spec predictor model storageURI", "s3://llm-models/sums/1/"))
    assert outcome.code == 1
    assert ".spec.predictor.model.storageURI: field not declared in schema" in outcome.error
    assert cluster.service() is None


@pytest.fixture
def refused(run_task: Callable) -> Callable:
    """The task's errors about a manifest, before it sends requests to the cluster."""

    def start(manifest: object, model_name: str = NAME, **changes: str) -> str:
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        parameters = {"INFERENCE_SERVICE": text, "NAMESPACE": "ai", "MODEL_NAME": model_name, "KUBECONFIG": "/nothing"}
        waits = {"TIMEOUT_SECONDS": "60", "UNSCHEDULABLE_SECONDS": "900"}
        outcome = run_task("deploy-model", RESULTS, **parameters, **{**waits, **changes})
        assert (outcome.code, outcome.results) == (1, {})
        assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
        return outcome.error

    return start


@pytest.mark.parametrize(
    ("manifest", "messages"),
    [
        ("{", ["INFERENCE_SERVICE is not JSON: Expecting property name"]),
        ("[1]", ["INFERENCE_SERVICE must be a JSON object, not [1]"]),
        ({}, ["not None None", "metadata.name must be", "deploymentMode must be", "spec.predictor.model is missing"]),
        (changed("apiVersion", "serving.kserve.io/v1alpha1"), ["not serving.kserve.io/v1alpha1 InferenceService"]),
        (changed("metadata name", "a" * 54), ["metadata.name must be", f"the model answers as '{'a' * 54}'"]),
        (
            changed("metadata name", "a" * 51),
            ["metadata.name: aaa", "label app of its pods isvc.aaa", "66 characters where 63 fit"],
        ),
        (changed("spec predictor model args", ["--served-model-name=a"]), ["the model answers as 'a'"]),
        (changed("spec predictor model args", "--seed=1"), ["args must be a list of strings"]),
        (changed("spec predictor model storageUri", "oci://quay.io/a:1"), ["storageUri must be oci://…@sha256:…"]),
        (changed("metadata annotations", []), ["deploymentMode must be Standard or RawDeployment, not None"]),
    ],
)
def test_a_wrong_manifest_is_refused(refused, manifest, messages):
    error = refused(manifest)
    for message in messages:
        assert message in error


def test_all_problems_are_reported_at_once(refused):
    manifest = changed("kind", "Deployment")
    manifest["status"] = {}
    manifest["metadata"] |= {"name": "Sums", "namespace": "other", "ownerReferences": []}
    annotations = {"serving.kserve.io/deploymentMode": "Serverless", "serving.kserve.io/stop": "true"}
    manifest["metadata"]["annotations"] = annotations
    manifest["spec"]["transformer"] = {}
    manifest["spec"]["predictor"] |= {"workerSpec": {}, "minReplicas": 0}
    del manifest["spec"]["predictor"]["model"]["storageUri"]
    error = refused(manifest, "sums", OWNER_NAME="run", UNSCHEDULABLE_SECONDS="0")
    for message in (
        "it must be a serving.kserve.io/v1beta1 InferenceService, not serving.kserve.io/v1beta1 Deployment",
        "status: it may have only apiVersion, kind, metadata, spec",
        "metadata.ownerReferences: it may have only metadata.name",
        "metadata.name must be at most 53 lower case letters",
        "metadata.namespace must be ai, the task's own",
        "deploymentMode must be Standard or RawDeployment, not 'Serverless'",
        "serving.kserve.io/stop must not be true",
        "spec.transformer: it may have only spec.predictor",
        "a model on several nodes",
        "spec.predictor.minReplicas must be at least 1",
        "storageUri must be oci://…@sha256:…, s3://…, pvc://… or hf://…, not None",
        "MODEL_NAME cannot be 'sums'",
        "OWNER_NAME and OWNER_UID must be set both or neither",
        "UNSCHEDULABLE_SECONDS must be a whole number",
    ):
        assert message in error
