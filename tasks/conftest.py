"""Fixtures for the tests of the task scripts: the scripts as processes, and the real servers that they use."""

import base64
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from json_object import JsonObject
from server import HubHandler, HubServer, Repository, stored_file
from task_starter import TaskStarter

TASKS = Path(__file__).parent
# The ConfigMap that deploying tasks mount, as rendered by scripts/test/tasks.ts.
os.environ["DEPLOYMENTS_DIRECTORY"] = str(TASKS.parent / "deployments")
COMMIT, OTHER_COMMIT = "a" * 40, "b" * 40


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--minio", help="path of the minio program")
    parser.addoption("--model-registry", help="path of the model-registry program")
    parser.addoption("--mariadb", help="path of the mariadbd program")
    parser.addoption("--registry", help="path of the OCI registry program")
    parser.addoption("--etcd", help="path of the etcd program")
    parser.addoption("--kube-apiserver", help="path of Kubernetes' API server")
    parser.addoption("--kserve-crds", help="folder with KServe's CRDs")


def program(request: pytest.FixtureRequest, option: str) -> str:
    """The path of a server's program. A test that needs it fails without it; deselect such tests by their marker."""
    path: str | None = request.config.getoption(option)
    if not path:
        pytest.fail(f"this test needs {option} PATH; leave such tests out with -m (see pytest --markers)")
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until_up(url: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Waits for any HTTP answer except a server error."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail(f"{url} is not up after {seconds} s")


@dataclass
class Outcome:
    code: int
    output: str
    error: str
    results: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def task_starter() -> Iterator[TaskStarter]:
    starter = TaskStarter()
    yield starter
    starter.close()


@pytest.fixture
def run_task(tmp_path: Path, task_starter: TaskStarter) -> Callable[..., Outcome]:
    """
    Runs a task's script as Tekton would: run_task(name, [names of its results], PARAM=value, ...). The name is the
    task's folder, or <folder>/<script> if the script has another name.
    """

    def start(name: str, result_names: list[str], **parameters: str) -> Outcome:
        results = tmp_path / "results"
        shutil.rmtree(results, ignore_errors=True)
        results.mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            # Each has a separate one, as in its pod.
            "TMPDIR": str(tmp_path),
            "HF_HOME": str(tmp_path / "huggingface"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "PYTHONPATH": str(TASKS / "common"),
            "DEPLOYMENTS_DIRECTORY": os.environ["DEPLOYMENTS_DIRECTORY"],
            # As in the image, for Python processes that a script starts.
            "PYTHONDONTWRITEBYTECODE": "1",
            **{"RESULT_" + key.upper().replace("-", "_"): str(results / key) for key in result_names},
            **parameters,
        }
        folder, _, script = name.partition("/")
        output, error = tmp_path / "output", tmp_path / "error"
        code = task_starter.run(TASKS / folder / f"{script or folder}.py", environment, output, error, seconds=300)
        written = {path.name: path.read_text() for path in results.iterdir()}
        return Outcome(code, output.read_text(), error.read_text(), written)

    return start


@dataclass
class Hub:
    server: HubServer
    requests: list[tuple[str, str, str | None]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def repositories(tmp_path: Path) -> dict[str, Repository]:
    """example/model with two commits, and the gated example/gated."""
    contents = {
        COMMIT: {
            "config.json": b"{}",
            "sub/tokenizer.json": b'{"version": "1.0"}',
            "model.safetensors": bytes(range(256)) * 100_000,
            "model.bin": b"not wanted",
        },
        OTHER_COMMIT: {"config.json": b'{"layers": 2}', "model.safetensors": b"other weights"},
    }
    revisions = {}
    for commit, files in contents.items():
        for name, content in files.items():
            path = tmp_path / "hub" / commit / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        revisions[commit] = {name: stored_file(tmp_path / "hub" / commit / name) for name in sorted(files)}
    return {
        "example/model": Repository("example/model", OTHER_COMMIT, False, revisions),
        "example/gated": Repository("example/gated", COMMIT, True, revisions),
    }


@pytest.fixture
def hub(repositories: dict[str, Repository]) -> Iterator[Hub]:
    """The local hub with models and data sets; `requests` has (method, path, Range) of all requests."""
    requests: list[tuple[str, str, str | None]] = []

    class RecordingHandler(HubHandler):
        def answer(self) -> None:
            requests.append((self.command, self.path, self.headers.get("Range")))
            self.path = self.path.replace("/api/datasets/", "/api/models/").replace("/datasets/", "/")
            super().answer()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = HubServer(("127.0.0.1", 0), repositories, "the-token")
    server.RequestHandlerClass = RecordingHandler
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield Hub(server, requests)
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(frozen=True)
class S3:
    endpoint: str
    access_key: str = "test-access-key"
    secret_key: str = "test-secret-key"


@pytest.fixture(scope="session")
def minio(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    port = free_port()
    s3 = S3(f"http://127.0.0.1:{port}")
    environment = {
        **os.environ,
        "MINIO_ROOT_USER": s3.access_key,
        "MINIO_ROOT_PASSWORD": s3.secret_key,
        "MINIO_BROWSER": "off",
    }
    command = [program(request, "--minio"), "server", "--quiet", "--address", f"127.0.0.1:{port}"]
    process = subprocess.Popen([*command, str(tmp_path_factory.mktemp("minio"))], env=environment)
    try:
        wait_until_up(f"{s3.endpoint}/minio/health/live", process)
        yield s3
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def mariadb(request: pytest.FixtureRequest) -> Iterator[str]:
    """A separate MariaDB server; the value is the Go connection string of an empty database."""
    server = Path(program(request, "--mariadb"))
    with tempfile.TemporaryDirectory(prefix="mariadb") as name:
        directory = Path(name)
        (directory / "data").mkdir()
        (directory / "init.sql").write_text("CREATE DATABASE registry;\n")
        if os.getuid() == 0:  # MariaDB refuses to run as root
            shutil.chown(directory, "nobody")
            shutil.chown(directory / "data", "nobody")
        port = free_port()
        command = [
            str(server),
            "--no-defaults",
            "--user=nobody",
            f"--datadir={directory}/data",
            f"--lc-messages-dir={server.parents[1]}/share/mysql",
            f"--init-file={directory}/init.sql",
            f"--socket={directory}/socket",
            "--bind-address=127.0.0.1",
            f"--port={port}",
            # An empty data directory has no grant tables.
            "--skip-grant-tables",
            "--skip-networking=0",
        ]
        process = subprocess.Popen(command)
        try:
            deadline = time.monotonic() + 60
            while not accepts(port):
                assert process.poll() is None and time.monotonic() < deadline, "MariaDB does not start"
                time.sleep(0.1)
            yield f"root@tcp(127.0.0.1:{port})/registry"
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="session")
def model_registry(request: pytest.FixtureRequest, mariadb: str) -> Iterator[str]:
    """The URL of a model registry on an empty database."""
    port = free_port()
    command = [program(request, "--model-registry"), "proxy", "-n", "127.0.0.1", "-p", str(port)]
    database = ["--embedmd-database-type", "mysql", "--embedmd-database-dsn", mariadb]
    process = subprocess.Popen([*command, *database])
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(f"{url}/api/model_registry/v1alpha3/registered_models", process)
        yield url
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class OciRegistry:
    address: str
    login: str = ""


def start_registry(program: str, directory: Path, auth: JsonObject) -> tuple[str, subprocess.Popen[bytes]]:
    port = free_port()
    configuration = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}"},
        **auth,
    }
    file = directory / "config.yml"
    file.write_text(json.dumps(configuration))
    environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
    silent = subprocess.DEVNULL
    process = subprocess.Popen([program, "serve", str(file)], env=environment, stdout=silent, stderr=silent)
    wait_until_up(f"http://127.0.0.1:{port}/v2/", process)
    return f"127.0.0.1:{port}", process


@pytest.fixture(scope="session")
def oci_registry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OciRegistry]:
    """A registry without authentication."""
    path = tmp_path_factory.mktemp("registry")
    address, process = start_registry(program(request, "--registry"), path, {})
    yield OciRegistry(address)
    process.terminate()
    process.wait()


@pytest.fixture(scope="session")
def closed_registry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OciRegistry]:
    """A registry that requires a login: base64(user:password)."""
    path = tmp_path_factory.mktemp("closed-registry")
    # bcrypt hash of "robot-password".
    (path / "htpasswd").write_text("robot:$2b$04$uzjFSN9MoPT.2moHZmtimOFXouIy3WgOtIjoYfnY/c7IoyyyUgMMC\n")
    auth = {"auth": {"htpasswd": {"realm": "test", "path": str(path / "htpasswd")}}}
    address, process = start_registry(program(request, "--registry"), path, auth)
    yield OciRegistry(address, base64.b64encode(b"robot:robot-password").decode())
    process.terminate()
    process.wait()


@dataclass(frozen=True)
class KubernetesApi:
    """A real API server without controllers and nodes, which the test plays."""

    url: str
    directory: Path
    admin_token: str = "the-admins-token"
    user_token: str = "the-users-token"

    @property
    def certificate(self) -> Path:
        """The API server's self-signed certificate."""
        return self.directory / "certificates" / "apiserver.crt"

    def kubeconfig(self) -> str:
        """The kubeconfig of a user with only the rights that a test binds to the user."""
        file = self.directory / "kubeconfig"
        configuration = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [
                {"name": "test", "cluster": {"server": self.url, "certificate-authority": str(self.certificate)}}
            ],
            "users": [{"name": "user", "user": {"token": self.user_token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user"}}],
        }
        file.write_text(json.dumps(configuration))
        return str(file)

    def call(self, method: str, path: str, body: object = None, kind: str = "application/json") -> JsonObject:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.admin_token}", "Content-Type": kind}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        context = ssl.create_default_context(cafile=str(self.certificate))
        with urllib.request.urlopen(request, timeout=30, context=context) as response:
            answer: JsonObject = json.load(response)
        return answer


@pytest.fixture(scope="session")
def kubernetes_api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesApi]:
    """etcd and the API server, with KServe's CRDs."""
    crds = Path(program(request, "--kserve-crds"))
    directory = tmp_path_factory.mktemp("kubernetes")
    etcd_port, peer_port, port = free_port(), free_port(), free_port()
    etcd, peer = f"http://127.0.0.1:{etcd_port}", f"http://127.0.0.1:{peer_port}"
    api = KubernetesApi(f"https://127.0.0.1:{port}", directory)
    key = directory / "service-account.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    tokens = f"{api.admin_token},admin,admin,system:masters\n{api.user_token},user,user\n"
    (directory / "tokens.csv").write_text(tokens)
    commands = [
        [
            program(request, "--etcd"),
            f"--data-dir={directory / 'etcd'}",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        ],
        [
            program(request, "--kube-apiserver"),
            f"--etcd-servers={etcd}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--cert-dir={directory / 'certificates'}",
            f"--token-auth-file={directory / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--endpoint-reconciler-type=none",
            "--disable-admission-plugins=ServiceAccount",
            # As on OpenShift: setting an owner reference requires the right to delete the object.
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
        ],
    ]
    processes = []
    try:
        for command in commands:
            log = (directory / (Path(command[0]).name + ".log")).open("w")
            processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        wait_until_ready(api)
        for plural in ("inferenceservices", "servingruntimes"):
            definition = yaml.safe_load((crds / f"serving.kserve.io_{plural}.yaml").read_text())
            definition["spec"]["conversion"] = {"strategy": "None"}
            api.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
            version = definition["spec"]["versions"][0]["name"]
            wait_until_ready(api, f"/apis/serving.kserve.io/{version}/{plural}")
        yield api
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def wait_until_ready(api: KubernetesApi, path: str = "/api/v1/namespaces/default", seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            api.call("GET", path)
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"{path} of the API server is not available after {seconds} s: {error}") from error
            time.sleep(0.2)
