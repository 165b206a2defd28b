"""The manifests as plain data: what a server has that starts as a user without a passwd entry."""

import copy

import pytest
from any_user import ANY_USER_ENV, IDENTITY
from serving_manifests import Deployment, digest_in, for_any_user, inference_service, serving_runtime

DEPLOYMENT = Deployment(
    name="sums",
    storage_uri="s3://llm-models/sums/1/",
    platform="openshift",
    deployment_mode="Standard",
    runtime="",
    image="quay.io/modelcar/vllm@sha256:" + "1" * 64,
    startup_minutes=30,
    gpus=1,
    gpu_product="",
    cpu="1",
    memory="3Gi",
    max_model_len=256,
    vllm_args=(),
    service_account="",
    pull_secret="",
    exposed=False,
    token_auth=False,
)


@pytest.fixture
def on_runtime() -> dict:
    """An InferenceService on a ServingRuntime that exists."""
    return inference_service(Deployment(**{**vars(DEPLOYMENT), "runtime": "vllm-cuda-runtime"}))


def env_of(container: dict) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container["env"]}


def runtime_with(env: list[dict] | None) -> dict:
    return {"spec": {"containers": [{"name": "proxy"}, {"name": "kserve-container", **({"env": env} if env else {})}]}}


def test_a_runtime_of_the_tasks_own_says_who_it_is_and_writes_to_a_volume():
    runtime = serving_runtime(DEPLOYMENT)["spec"]
    container = runtime["containers"][0]
    assert env_of(container).items() >= ANY_USER_ENV.items()
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["tmp"] == "/tmp" and {"name": "tmp", "emptyDir": {}} in runtime["volumes"]
    places = {name: path for name, path in ANY_USER_ENV.items() if name not in IDENTITY}
    assert {"HOME", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"} <= places.keys()
    assert all(f"{path}/".startswith("/tmp/") for path in places.values())


def test_on_a_runtime_that_exists_the_model_says_who_it_is(on_runtime):
    assert env_of(on_runtime["spec"]["predictor"]["model"]) == IDENTITY
    assert "env" not in inference_service(DEPLOYMENT)["spec"]["predictor"]["model"]


def test_what_such_a_runtime_does_not_say_is_added_and_makes_another_digest(on_runtime):
    before = copy.deepcopy(on_runtime)
    added = for_any_user(on_runtime, runtime_with([{"name": "HOME", "value": "/cache"}]))
    assert env_of(added["spec"]["predictor"]["model"]) == {
        name: ANY_USER_ENV[name] for name in ANY_USER_ENV if name != "HOME"
    }
    assert digest_in(added) != digest_in(before)
    assert on_runtime == before
    assert env_of(for_any_user(on_runtime, runtime_with(None))["spec"]["predictor"]["model"]) == ANY_USER_ENV


def test_a_model_on_a_runtime_that_says_all_is_applied_as_it_is(on_runtime):
    runtime = serving_runtime(DEPLOYMENT)
    assert for_any_user(on_runtime, runtime) == on_runtime
    # A candidate of the program's, on the program's own runtime.
    model = on_runtime["spec"]["predictor"]["model"]
    model["env"] = [{"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "sums", "key": "api-key"}}}]
    assert for_any_user(on_runtime, runtime) == on_runtime
