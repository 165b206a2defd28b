"""Runs the register task against a real model registry on MariaDB."""

import json
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from manifest import manifest_path, manifest_text, text_digest
from model_record import write_record

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


def values(version: dict) -> dict[str, str | float]:
    """Custom properties as strings and floats; None for any other type."""
    found = version["customProperties"].items()
    return {name: value.get("string_value", value.get("double_value")) for name, value in found}


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


def test_registering_again_updates_the_entries(register, model_registry):
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


def test_a_new_version_is_added_to_its_model(register):
    first, second = register(), register(MODEL_VERSION="b" * 12)
    assert first.results["registered-model-id"] == second.results["registered-model-id"]
    assert first.results["model-version-id"] != second.results["model-version-id"]
    assert first.results["model-artifact-id"] != second.results["model-artifact-id"]


@pytest.fixture
def pulled(tmp_path: Path) -> Path:
    """A model as pull-model-from-huggingface leaves it."""
    model = tmp_path / "models" / "sums" / "model"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    write_record(model, {"repository": "example/model", "revision": "a" * 40, "files": [["config.json", 2, "x"]]})
    manifest_path(model).write_text(manifest_text({"config.json": "0" * 64}))
    return model


@pytest.fixture
def compressed(pulled: Path) -> Path:
    """The same model as compress-model leaves it; its tests verify that its record looks like this."""
    model = pulled.with_name("compressed")
    model.mkdir()
    results = {
        "bytes-before": "48000000000",
        "bytes-after": "14000000000",
        "scheme": "W4A16",
        "recipe-digest": "sha256:" + "2" * 64,
        "calibration": "org/chats@" + "c" * 40,
        "manifest-digest": "sha256:" + "3" * 64,
    }
    inputs = {
        "model": "sha256:" + "4" * 64,
        "recipe": results["recipe-digest"],
        "calibration": results["calibration"],
        "samples": 512,
        "maxSequenceLength": 2048,
        "versions": {"llmcompressor": "0.14.0.1", "torch": "2.13.0"},
    }
    source = {"repository": "example/model", "revision": "a" * 40}
    write_record(model, {"recipe": "general", "source": source, "inputs": inputs, "results": results, "files": {}})
    manifest_path(model).write_text(manifest_text({"config.json": "5" * 64}))
    return model


COMPRESSION = {
    "compression_scheme": "W4A16",
    "compression_recipe": "general",
    "compression_recipe_digest": "sha256:" + "2" * 64,
    "compression_calibration": "org/chats@" + "c" * 40,
    "compression_calibration_samples": "512",
    "compression_max_sequence_length": "2048",
    "compression_source_manifest_digest": "sha256:" + "4" * 64,
    "compression_bytes_before": "48000000000",
    "compression_bytes_after": "14000000000",
    "compression_llmcompressor_version": "0.14.0.1",
}
IMAGE, OTHER_IMAGE = "sha256:" + "6" * 64, "sha256:" + "7" * 64


def place(model: Path) -> dict[str, str]:
    return {"MODELS_DIRECTORY": str(model.parents[1]), "MODEL_DIRECTORY": f"sums/{model.name}", "MANIFEST_DIGEST": ""}


def in_image(digest: str) -> dict[str, str]:
    return {"MODEL_URI": f"oci://quay.io/team/sums@{digest}", "IMAGE_DIGEST": digest}


@pytest.fixture
def version_of(model_registry: str) -> Callable:
    return lambda outcome: call(f"{model_registry}{API}/model_versions/{outcome.results['model-version-id']}")


def test_the_record_of_a_compression_becomes_properties(register, version_of, model_registry, compressed):
    outcome = register(**place(compressed), **in_image(IMAGE))
    assert (outcome.code, outcome.error) == (0, "")
    found = values(version_of(outcome))
    digests = {"manifest_digest": text_digest(manifest_path(compressed).read_text()), "image_digest": IMAGE}
    assert {name: value for name, value in found.items() if name.startswith("compression_")} == COMPRESSION
    assert {name: found[name] for name in digests} == digests
    artifact = call(f"{model_registry}{API}/model_artifacts/{outcome.results['model-artifact-id']}")
    assert artifact["uri"] == f"oci://quay.io/team/sums@{IMAGE}"
    assert texts(artifact) == {**digests, "source_revision": "a" * 40}
    assert register(**place(compressed), **in_image(IMAGE)).results == outcome.results
    assert values(version_of(outcome)) == found


def test_a_model_that_was_not_compressed_has_its_manifest_only(register, version_of, pulled):
    outcome = register(**place(pulled))
    found = values(version_of(outcome))
    assert found["manifest_digest"] == text_digest(manifest_path(pulled).read_text())
    assert set(found) == {
        "huggingface_model",
        "source_revision",
        "manifest_digest",
        "weights_bytes",
        "pipeline_run_name",
        "pipeline_run_uid",
    }
    # No file has a known format of weights.
    assert found["weights_bytes"] == "2"


@pytest.mark.parametrize(
    ("files", "bytes_of_weights"),
    [
        ({"config.json": 9, "model.safetensors": 100, "deep/er.safetensors": 20, "pytorch_model.bin": 7}, "120"),
        ({"config.json": 9, "a.gguf": 30}, "30"),
        ({"pytorch_model.bin": 7, "x.pt": 1}, "7"),
        # Mistral's repository has a copy of the weights in addition to the shards.
        ({"consolidated.safetensors": 50, "model-1.safetensors": 25, "model-2.safetensors": 26, "index": 0}, "51"),
    ],
)
def test_the_size_of_the_weights_is_recorded(register, version_of, pulled, files, bytes_of_weights):
    shards = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    written = {name: b"x" * count for name, count in files.items()}
    if written.pop("index", None) is not None:
        written["model.safetensors.index.json"] = json.dumps(shards).encode()
    for name, content in written.items():
        (pulled / name).parent.mkdir(exist_ok=True)
        (pulled / name).write_bytes(content)
    manifest_path(pulled).write_text(manifest_text(dict.fromkeys(written, "0" * 64)))
    outcome = register(**place(pulled))
    assert (outcome.code, outcome.error) == (0, "")
    assert values(version_of(outcome))["weights_bytes"] == bytes_of_weights
    # Another model under the same version, without provenance.
    register(MANIFEST_DIGEST="sha256:" + "9" * 64)
    assert "weights_bytes" not in values(version_of(outcome))


def test_the_size_of_missing_weights_is_not_recorded(register, version_of, compressed):
    outcome = register(**place(compressed))
    assert (outcome.code, outcome.error) == (0, "")
    assert "is missing, so the size of the weights is not recorded" in outcome.output
    assert "weights_bytes" not in values(version_of(outcome))


def test_no_properties_of_earlier_content_stay(register, version_of, model_registry, pulled, compressed):
    first = register(**place(compressed), **in_image(IMAGE))
    version_url = f"{model_registry}{API}/model_versions/{first.results['model-version-id']}"
    double = {"metadataType": "MetadataDoubleValue"}
    scores = {"eval_sums": {**double, "double_value": 1.0}, "eval_tokens": {**double, "double_value": 3e10}}
    call(version_url, {"customProperties": {**version_of(first)["customProperties"], **scores}})
    # The same image without the workspace: its properties stay.
    again = register(MANIFEST_DIGEST="", **in_image(IMAGE))
    assert again.results == first.results
    assert COMPRESSION.items() <= values(version_of(first)).items()
    # Another image under the same version: without provenance.
    register(MANIFEST_DIGEST="", **in_image(OTHER_IMAGE))
    found = values(version_of(first))
    assert not [name for name in found if name.startswith("compression_") or name == "manifest_digest"]
    artifact = call(f"{model_registry}{API}/model_artifacts/{first.results['model-artifact-id']}")
    assert set(texts(artifact)) == {"image_digest", "source_revision"}
    assert (found["image_digest"], found["eval_sums"], found["eval_tokens"]) == (OTHER_IMAGE, 1, 3e10)
    register(**place(pulled))
    found = values(version_of(first))
    assert "image_digest" not in found and "compression_scheme" not in found
    assert found["manifest_digest"] == text_digest(manifest_path(pulled).read_text())


def test_nothing_is_recorded_from_a_workspace_with_another_model(register, version_of, compressed):
    outcome = register(**{**place(compressed), "MANIFEST_DIGEST": "sha256:" + "8" * 64})
    assert "is not the registered model, so nothing about it is recorded" in outcome.output
    found = values(version_of(outcome))
    assert found["manifest_digest"] == "sha256:" + "8" * 64
    assert "compression_scheme" not in found
    outcome = register(**{**place(compressed), "MODEL_DIRECTORY": "sums/none"}, MODEL_VERSION="2")
    assert "sums/none has no manifest, so nothing about it is recorded" in outcome.output
    assert "manifest_digest" not in values(version_of(outcome))


@pytest.mark.parametrize("said", [{"HUGGINGFACE_MODEL": "other/model"}, {"SOURCE_REVISION": "b" * 40}])
def test_a_model_from_elsewhere_is_refused(register, pulled, compressed, said):
    for model in (pulled, compressed):
        outcome = register(**place(model), **said)
        assert outcome.code == 1
        assert f"{model.name} comes from example/model at {'a' * 40}, not from" in outcome.error
        assert outcome.results == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MODEL_REGISTRY_URL": "http://127.0.0.1:9"}, "the model registry at http://127.0.0.1:9 cannot be reached"),
        ({"MODEL_URI": "/models/sums"}, "MODEL_URI must be an s3://, oci:// or pvc:// URI"),
        ({"SOURCE_REVISION": "main", "MODEL_NAME": ""}, "SOURCE_REVISION must be a commit of 40 hex digits"),
        ({"MANIFEST_DIGEST": "1" * 64}, "MANIFEST_DIGEST must be sha256:<64 hex digits>"),
        ({**in_image(IMAGE), "IMAGE_DIGEST": OTHER_IMAGE}, f"must have the digest IMAGE_DIGEST {OTHER_IMAGE}"),
        ({"MODELS_DIRECTORY": "/models", "MODEL_DIRECTORY": "../x"}, "MODEL_DIRECTORY must be a relative path"),
    ],
)
def test_expected_failures_are_one_line(register, changes, message):
    outcome = register(**changes)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
    assert outcome.results == {}


@dataclass(frozen=True)
class Guarded:
    """A stand-in for the proxy of a registry: TLS with a private authority, and one valid token."""

    url: str
    authority: Path
    token: str = "the-token"


@pytest.fixture(scope="session")
def guarded(model_registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    directory = tmp_path_factory.mktemp("guarded")
    certificate, key = directory / "tls.crt", directory / "tls.key"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    subprocess.run([*make, *subject, "-keyout", key, "-out", certificate], check=True, capture_output=True)

    class Proxy(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
            login = self.headers.get("Authorization")
            status, content = 403 if login == "Bearer a-stranger" else 401, b"{}"
            if login == "Bearer the-token":
                headers = {"Content-Type": "application/json"}
                request = urllib.request.Request(model_registry + self.path, body, headers, method=self.command)
                try:
                    with urllib.request.urlopen(request, timeout=10) as response:
                        status, content = response.status, response.read()
                except urllib.error.HTTPError as error:
                    status, content = error.code, error.read()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield Guarded(f"https://localhost:{server.server_port}", certificate)
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_registry_that_cannot_be_reached_yet_is_retried(register):
    class Down(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(500)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    # Bound, so that the port is reserved, but it listens only later; until then connections are refused.
    server = ThreadingHTTPServer(("127.0.0.1", 0), Down, bind_and_activate=False)
    server.server_bind()
    opening = threading.Timer(3, lambda: (server.server_activate(), server.serve_forever(0.05)))
    opening.start()
    outcome = register(MODEL_REGISTRY_URL=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    opening.join()
    assert outcome.code == 1
    assert "answered 500" in outcome.error


def test_the_token_of_the_secret_is_sent(register, guarded):
    outcome = register(
        MODEL_REGISTRY_URL=guarded.url,
        MODEL_REGISTRY_AUTH="token",
        MODEL_REGISTRY_TOKEN=guarded.token,
        SERVICE_CA_FILE=str(guarded.authority),
    )
    assert (outcome.code, outcome.error) == (0, "")
    assert guarded.token not in outcome.output


def test_the_token_of_the_service_account_is_sent(register, guarded, tmp_path):
    (tmp_path / "token").write_text(guarded.token + "\n")
    outcome = register(
        MODEL_REGISTRY_URL=guarded.url,
        MODEL_REGISTRY_AUTH="serviceAccount",
        SERVICE_ACCOUNT_TOKEN_FILE=str(tmp_path / "token"),
        SERVICE_CA_FILE=str(guarded.authority),
    )
    assert (outcome.code, outcome.error) == (0, "")
    assert guarded.token not in outcome.output


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "refuses access (401): it asks for a token, so set MODEL_REGISTRY_AUTH"),
        (
            {"MODEL_REGISTRY_AUTH": "token", "MODEL_REGISTRY_TOKEN": "old"},
            "(401): it does not know the token in the secret",
        ),
        ({"MODEL_REGISTRY_AUTH": "token", "MODEL_REGISTRY_TOKEN": "a-stranger"}, "(403): the owner of the token"),
        ({"SERVICE_CA_FILE": "/missing"}, "has a certificate that is not trusted"),
        ({"MODEL_REGISTRY_AUTH": "token"}, "MODEL_REGISTRY_TOKEN is not set"),
        ({"MODEL_REGISTRY_AUTH": "basic"}, "MODEL_REGISTRY_AUTH must be none, token or serviceAccount, not 'basic'"),
        (
            {"MODEL_REGISTRY_AUTH": "serviceAccount", "SERVICE_ACCOUNT_TOKEN_FILE": "/missing"},
            "/missing is missing; give the task a service account whose token is mounted",
        ),
        (
            {"MODEL_REGISTRY_AUTH": "token", "MODEL_REGISTRY_TOKEN": "x", "MODEL_REGISTRY_URL": "http://registry:8080"},
            "MODEL_REGISTRY_URL must be https://host:port without a path, with MODEL_REGISTRY_AUTH token",
        ),
    ],
)
def test_refusals_say_what_to_do(register, guarded, changes, message):
    given = {"MODEL_REGISTRY_URL": guarded.url, "SERVICE_CA_FILE": str(guarded.authority), **changes}
    outcome = register(**given)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1


def test_the_error_for_an_unbound_service_account_names_the_role(register, guarded, tmp_path):
    (tmp_path / "token").write_text("a-stranger")
    outcome = register(
        MODEL_REGISTRY_URL=guarded.url,
        MODEL_REGISTRY_AUTH="serviceAccount",
        SERVICE_ACCOUNT_TOKEN_FILE=str(tmp_path / "token"),
        SERVICE_CA_FILE=str(guarded.authority),
    )
    assert "(403): bind the task's service account to the Role registry-user-" in outcome.error
