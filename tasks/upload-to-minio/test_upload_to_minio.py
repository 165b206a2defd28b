"""Runs the upload task against a real MinIO, and KServe's storage initializer on what it uploaded."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from minio import Minio

pytestmark = pytest.mark.minio
RESULTS = ["storage-uri", "uploaded-bytes", "total-bytes"]
INITIALIZER = Path(__file__).parents[2] / "images" / "tasks" / "storage_initializer.py"


def write_model(directory: Path, contents: dict[str, bytes]) -> str:
    """A downloaded model: its files and its manifest, whose digest is returned."""
    for name, content in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(contents.items())]
    directory.with_name(directory.name + ".sha256").write_text("".join(lines))
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


CONTENTS = {"config.json": b"{}", "sub/tokenizer.json": b"tokens", "model.safetensors": b"\1" * (70 << 20)}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "models" / "sums"
    write_model(directory, CONTENTS)
    return directory


@pytest.fixture
def client(minio) -> Minio:
    address = minio.endpoint.removeprefix("http://")
    client = Minio(address, minio.access_key, minio.secret_key, secure=False)
    if not client.bucket_exists("models"):
        client.make_bucket("models")
    return client


@pytest.fixture
def upload(run_task: Callable, minio, model: Path, client: Minio, request) -> Callable:
    def start(**changes: str):
        parameters = {
            "MODELS_DIRECTORY": str(model.parent),
            "MODEL_DIRECTORY": "sums",
            "S3_ENDPOINT": minio.endpoint,
            "S3_BUCKET": "models",
            "S3_PREFIX": f"{request.node.originalname}/1",
            "AWS_ACCESS_KEY_ID": minio.access_key,
            "AWS_SECRET_ACCESS_KEY": minio.secret_key,
        }
        return run_task("upload-to-minio", RESULTS, **{**parameters, **changes})

    return start


def stored(client: Minio, prefix: str) -> dict[str, str]:
    """The sha256 of each object's content below the prefix."""
    digests = {}
    for item in client.list_objects("models", prefix=prefix + "/", recursive=True):
        response = client.get_object("models", item.object_name)
        digests[item.object_name.removeprefix(prefix + "/")] = hashlib.sha256(response.read()).hexdigest()
        response.close()
    return digests


def digests(contents: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def test_uploads_every_file_once(upload, client):
    prefix = "test_uploads_every_file_once/1"
    total = str(sum(map(len, CONTENTS.values())))
    first = upload()
    assert (first.code, first.error) == (0, "")
    uri = f"s3://models/{prefix}/"
    assert first.results == {"storage-uri": uri, "uploaded-bytes": total, "total-bytes": total}
    assert stored(client, prefix) == digests(CONTENTS)
    assert "-2" in client.stat_object("models", f"{prefix}/model.safetensors").etag  # in two parts
    assert upload().results == {"storage-uri": uri, "uploaded-bytes": "0", "total-bytes": total}


def test_syncs_the_prefix_with_the_model(upload, client, model):
    prefix = "test_syncs_the_prefix_with_the_model/1"
    neighbour = prefix + "0/config.json"
    with (model / "config.json").open("rb") as file:
        client.put_object("models", neighbour, file, 2)
    upload()
    (model / "sub" / "tokenizer.json").unlink()
    changed = {"config.json": b"[]", "model.safetensors": CONTENTS["model.safetensors"]}
    write_model(model, changed)
    outcome = upload()
    assert outcome.results["uploaded-bytes"] == "2"
    assert stored(client, prefix) == digests(changed)
    assert client.stat_object("models", neighbour).size == 2


def test_an_object_of_unknown_content_is_replaced(upload, client):
    key = "test_an_object_of_unknown_content_is_replaced/1/config.json"
    with Path("/dev/zero").open("rb") as zeros:
        client.put_object("models", key, zeros, 2)
    assert upload().code == 0
    assert client.get_object("models", key).read() == b"{}"


def test_a_file_that_differs_from_the_manifest_is_not_kept(upload, client, model):
    (model / "config.json").write_bytes(b"<>")
    outcome = upload()
    assert outcome.code == 1
    assert "config.json differs from its manifest" in outcome.error
    assert "config.json" not in stored(client, "test_a_file_that_differs_from_the_manifest_is_not_kept/1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "refuses the credentials (SignatureDoesNotMatch)"),
        ({"AWS_ACCESS_KEY_ID": "wrong"}, "refuses the credentials (InvalidAccessKeyId)"),
        ({"S3_BUCKET": "missing"}, "bucket missing at http://127.0.0.1:"),
        ({"S3_ENDPOINT": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"S3_PREFIX": "/"}, "S3_PREFIX must be a prefix that is not empty"),
        ({"MODEL_DIRECTORY": "other"}, "was not downloaded completely"),
        ({"MANIFEST_DIGEST": "sha256:0"}, "but MANIFEST_DIGEST is sha256:0"),
    ],
)
def test_expected_failures_are_one_line(upload, changes, message):
    outcome = upload(**changes)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
    assert outcome.results == {}


def test_no_message_contains_the_secret_key(upload, minio):
    outcome = upload(AWS_ACCESS_KEY_ID="wrong")
    assert minio.secret_key not in outcome.output + outcome.error


def initialize(minio, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": minio.endpoint,
        "AWS_ACCESS_KEY_ID": minio.access_key,
        "AWS_SECRET_ACCESS_KEY": minio.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "S3_VERIFY_SSL": "0",
    }
    command = [sys.executable, str(INITIALIZER), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_storage_initializer_gets_the_same_files(upload, minio, tmp_path):
    uri = upload().results["storage-uri"]
    target = tmp_path / "mnt"
    done = initialize(minio, uri, str(target))
    assert done.returncode == 0, done.stderr
    files = {str(p.relative_to(target)): p.read_bytes() for p in target.rglob("*") if p.is_file()}
    assert digests(files) == digests(CONTENTS)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "usage:"),
        (("s3://models/a",), 2, "usage:"),
        (("gs://models/a", "/tmp/x"), 2, "downloads s3:// only"),
        (("s3://models/nothing/here", "TARGET"), 1, "No model found"),
    ],
)
def test_the_storage_initializer_reports_errors(minio, client, tmp_path, arguments, code, message):
    done = initialize(minio, *(str(tmp_path) if part == "TARGET" else part for part in arguments))
    assert done.returncode == code
    assert message in done.stderr.splitlines()[-1]
