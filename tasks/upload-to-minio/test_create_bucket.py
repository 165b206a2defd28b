"""Runs components/object-store/create_bucket.py against a real MinIO, and tests the permissions of its users."""

import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from minio import Minio, MinioAdmin
from minio.credentials import StaticProvider
from minio.error import MinioAdminException, S3Error

pytestmark = pytest.mark.minio
SCRIPT = Path(__file__).parents[2] / "components" / "object-store" / "create_bucket.py"
INITIALIZER = SCRIPT.parents[2] / "images" / "tasks" / "storage_initializer.py"
BUCKET = "llm-models"
PASSWORDS = {"modelcar-pipeline": "pipeline-canary-1", "modelcar-serving": "serving-canary-1"}


@pytest.fixture
def create_bucket(minio) -> Callable[..., subprocess.CompletedProcess[str]]:
    def start(**changes: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "S3_ENDPOINT": minio.endpoint,
            "S3_REGION": "us-east-1",
            "S3_BUCKET": BUCKET,
            "MINIO_ROOT_USER": minio.access_key,
            "MINIO_ROOT_PASSWORD": minio.secret_key,
            "PIPELINE_USER": "modelcar-pipeline",
            "PIPELINE_PASSWORD": PASSWORDS["modelcar-pipeline"],
            "SERVING_USER": "modelcar-serving",
            "SERVING_PASSWORD": PASSWORDS["modelcar-serving"],
            **changes,
        }
        command = [sys.executable, str(SCRIPT)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    return start


@pytest.fixture
def root(minio) -> Minio:
    return client(minio, minio.access_key, minio.secret_key)


@pytest.fixture
def pipeline(minio, create_bucket) -> Minio:
    return user(minio, create_bucket, "modelcar-pipeline")


@pytest.fixture
def serving(minio, create_bucket) -> Minio:
    return user(minio, create_bucket, "modelcar-serving")


def user(minio, create_bucket, name: str) -> Minio:
    done = create_bucket()
    assert done.returncode == 0, done.stderr
    return client(minio, name, PASSWORDS[name])


def client(minio, access_key: str, secret_key: str) -> Minio:
    return Minio(minio.endpoint.removeprefix("http://"), access_key, secret_key, secure=False)


def put(store: Minio, bucket: str, key: str) -> None:
    store.put_object(bucket, key, io.BytesIO(b"weights"), 7)


def refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except S3Error as error:
        return error.code == "AccessDenied"
    except MinioAdminException as error:
        return "AccessDenied" in str(error)
    return False


def test_creates_the_bucket_once_and_prints_no_passwords(create_bucket, root):
    for again in (False, True):
        done = create_bucket(S3_BUCKET="made-once")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"bucket made-once {'is there already' if again else 'made'}" in done.stdout
        assert not [secret for secret in PASSWORDS.values() if secret in done.stdout]
    assert root.bucket_exists("made-once")


def test_the_pipeline_writes_reads_and_deletes_in_its_bucket(pipeline):
    put(pipeline, BUCKET, "sums/1/model.safetensors")
    assert pipeline.get_object(BUCKET, "sums/1/model.safetensors").read() == b"weights"
    assert [item.object_name for item in pipeline.list_objects(BUCKET, "sums/", recursive=True)] == [
        "sums/1/model.safetensors"
    ]
    pipeline.remove_object(BUCKET, "sums/1/model.safetensors")
    assert not list(pipeline.list_objects(BUCKET, "sums/", recursive=True))


def test_the_pipeline_may_not_use_other_buckets_or_create_users(pipeline, root, minio):
    if not root.bucket_exists("other"):
        root.make_bucket("other")
    put(root, "other", "private")
    assert refused(lambda: pipeline.get_object("other", "private"))
    assert refused(lambda: list(pipeline.list_objects("other")))
    assert refused(lambda: put(pipeline, "other", "new"))
    assert refused(lambda: pipeline.make_bucket("mine"))
    assert refused(lambda: pipeline.remove_bucket(BUCKET))
    assert refused(lambda: pipeline.delete_bucket_policy(BUCKET))
    login = StaticProvider("modelcar-pipeline", PASSWORDS["modelcar-pipeline"])
    admin = MinioAdmin(endpoint=minio.endpoint.removeprefix("http://"), credentials=login, secure=False)
    assert refused(lambda: admin.user_add("intruder", "intruder-password"))
    assert refused(lambda: admin.policy_set("consoleAdmin", user="modelcar-pipeline"))


def test_serving_may_read_but_not_write(serving, root):
    put(root, BUCKET, "served/model.safetensors")
    assert serving.get_object(BUCKET, "served/model.safetensors").read() == b"weights"
    assert [item.object_name for item in serving.list_objects(BUCKET, "served/")] == ["served/model.safetensors"]
    assert refused(lambda: put(serving, BUCKET, "served/new"))
    assert refused(lambda: put(serving, BUCKET, "served/model.safetensors"))
    assert refused(lambda: serving.remove_object(BUCKET, "served/model.safetensors"))
    assert refused(lambda: list(serving.list_objects("other")))


def test_the_two_users_are_enough_for_upload_and_serving(create_bucket, minio, run_task, tmp_path):
    assert create_bucket().returncode == 0
    directory = tmp_path / "models" / "sums"
    directory.mkdir(parents=True)
    (directory / "config.json").write_bytes(b"{}")
    digest = hashlib.sha256(b"{}").hexdigest()
    directory.with_name("sums.sha256").write_text(f"{digest}  config.json\n")
    uploaded = run_task(
        "upload-to-minio",
        ["storage-uri"],
        MODELS_DIRECTORY=str(directory.parent),
        MODEL_DIRECTORY="sums",
        S3_ENDPOINT=minio.endpoint,
        S3_BUCKET=BUCKET,
        S3_PREFIX="sums/1",
        AWS_ACCESS_KEY_ID="modelcar-pipeline",
        AWS_SECRET_ACCESS_KEY=PASSWORDS["modelcar-pipeline"],
    )
    assert (uploaded.code, uploaded.error) == (0, "")
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": minio.endpoint,
        "AWS_ACCESS_KEY_ID": "modelcar-serving",
        "AWS_SECRET_ACCESS_KEY": PASSWORDS["modelcar-serving"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "S3_VERIFY_SSL": "0",
    }
    command = [sys.executable, str(INITIALIZER), uploaded.results["storage-uri"], str(tmp_path / "mnt")]
    subprocess.run(command, env=environment, check=True, timeout=60)
    assert (tmp_path / "mnt" / "config.json").read_bytes() == b"{}"


def test_a_new_password_replaces_the_old_one(create_bucket, minio, pipeline):
    assert create_bucket(PIPELINE_PASSWORD="pipeline-canary-2").returncode == 0
    assert client(minio, "modelcar-pipeline", "pipeline-canary-2").bucket_exists(BUCKET)
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        pipeline.list_objects(BUCKET).__next__()


def test_manually_added_permissions_are_removed(create_bucket, minio, serving):
    login = StaticProvider(minio.access_key, minio.secret_key)
    admin = MinioAdmin(endpoint=minio.endpoint.removeprefix("http://"), credentials=login, secure=False)
    admin.attach_policy(["readwrite"], user="modelcar-serving")
    put(serving, BUCKET, "while-it-lasts")
    assert create_bucket().returncode == 0
    assert refused(lambda: put(serving, BUCKET, "no-more"))


def test_wrong_administrator(create_bucket, minio):
    done = create_bucket(MINIO_ROOT_PASSWORD="wrong-password")
    assert done.returncode == 1
    assert "wrong-password" not in done.stdout + done.stderr
