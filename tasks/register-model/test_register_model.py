"""Runs the register task against a real model registry on MariaDB."""

import json
import urllib.request
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.model_registry
RESULTS = ["registered-model-id", "model-version-id", "model-artifact-id"]
API = "/api/model_registry/v1alpha3"


@pytest.fixture
def register(run_task: Callable, model_registry: str, request) -> Callable:
    def start(**changes: str):
        parameters = {
            "MODEL_REGISTRY_URL": model_registry,
            "MODEL_NAME": request.node.originalname,
            "MODEL_VERSION": "a" * 12,
            "MODEL_URI": "s3://models/sums/1/",
            "MODEL_FORMAT_NAME": "vLLM",
            "MODEL_FORMAT_VERSION": "1",
            "HUGGINGFACE_MODEL": "example/model",
            "SOURCE_REVISION": "a" * 40,
            "MANIFEST_DIGEST": "sha256:" + "1" * 64,
            "PIPELINE_RUN_NAME": "model-import-1",
            "PIPELINE_RUN_UID": "8c1e4f0e-0000-4000-8000-000000000000",
        }
        return run_task("register-model", RESULTS, **{**parameters, **changes})

    return start


def call(url: str, body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method="PATCH" if data else "GET")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def texts(version: dict) -> dict[str, str]:
    return {name: value["string_value"] for name, value in version["customProperties"].items()}


def test_registers_model_version_and_artifact(register, model_registry):
    outcome = register()
    assert (outcome.code, outcome.error) == (0, "")
    base, ids = model_registry + API, outcome.results
    assert call(f"{base}/registered_models/{ids['registered-model-id']}")["name"] == (
        "test_registers_model_version_and_artifact"
    )
    version = call(f"{base}/model_versions/{ids['model-version-id']}")
    assert (version["name"], version["registeredModelId"]) == ("a" * 12, ids["registered-model-id"])
    assert texts(version) == {
        "huggingface_model": "example/model",
        "source_revision": "a" * 40,
        "manifest_digest": "sha256:" + "1" * 64,
        "pipeline_run_name": "model-import-1",
        "pipeline_run_uid": "8c1e4f0e-0000-4000-8000-000000000000",
    }
    artifacts = call(f"{base}/model_versions/{ids['model-version-id']}/artifacts")["items"]
    assert [(a["id"], a["uri"], a["modelFormatName"], a["modelFormatVersion"], a["state"]) for a in artifacts] == [
        (ids["model-artifact-id"], "s3://models/sums/1/", "vLLM", "1", "LIVE")
    ]


def test_again_updates_what_is_there(register, model_registry):
    first = register()
    version_url = f"{model_registry}{API}/model_versions/{first.results['model-version-id']}"
    score = {"metadataType": "MetadataStringValue", "string_value": "0.98"}
    properties = {**call(version_url)["customProperties"], "accuracy": score}
    call(version_url, {"customProperties": properties})
    second = register(MODEL_URI="s3://models/sums/2/", PIPELINE_RUN_NAME="model-import-2")
    assert second.results == first.results
    version = texts(call(version_url))
    assert (version["pipeline_run_name"], version["accuracy"]) == ("model-import-2", "0.98")
    assert [artifact["uri"] for artifact in call(f"{version_url}/artifacts")["items"]] == ["s3://models/sums/2/"]


def test_a_new_version_joins_its_model(register):
    first, second = register(), register(MODEL_VERSION="b" * 12)
    assert first.results["registered-model-id"] == second.results["registered-model-id"]
    assert first.results["model-version-id"] != second.results["model-version-id"]
    assert first.results["model-artifact-id"] != second.results["model-artifact-id"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MODEL_REGISTRY_URL": "http://127.0.0.1:9"}, "the model registry at http://127.0.0.1:9 cannot be reached"),
        ({"MODEL_URI": "/models/sums"}, "MODEL_URI must be an s3://, oci:// or pvc:// URI"),
        ({"SOURCE_REVISION": "main", "MODEL_NAME": ""}, "SOURCE_REVISION must be a commit of 40 hex digits"),
    ],
)
def test_expected_failures_are_one_line(register, changes, message):
    outcome = register(**changes)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
    assert outcome.results == {}
