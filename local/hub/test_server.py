"""Asks the hub over HTTP what huggingface_hub does not show: status codes, headers, ranges and paths."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from server import HubServer, load_repositories

OLD, NEW = "1" * 40, "2" * 40
WEIGHTS = bytes(range(250)) * 10


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Callable]:
    """ask(path, method, headers) gives status, headers and body."""
    declared = {"repositories": [{"repository": "example/model", "revisions": [{"revision": OLD}, {"revision": NEW}]}]}
    (tmp_path / "models.json").write_text(json.dumps(declared))
    for revision in (OLD, NEW):
        root = tmp_path / "models" / "example/model" / revision
        (root / "sub").mkdir(parents=True)
        (root / "sub" / "config.json").write_text("{}")
        (root / "model.safetensors").write_bytes(WEIGHTS)
    (tmp_path / "models" / "secret.txt").write_text("not for anyone")
    repositories = load_repositories(tmp_path / "models.json", tmp_path / "models")
    server = HubServer(("127.0.0.1", 0), repositories, None)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()

    def request(path: str, method: str = "GET", **headers: str):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, response.headers, body

    yield request
    server.shutdown()
    server.server_close()
    thread.join()


def test_main_is_the_last_revision(ask):
    status, _, body = ask("/api/models/example/model/revision/main")
    assert (status, json.loads(body)["sha"]) == (200, NEW)
    assert json.loads(ask(f"/api/models/example/model/revision/{OLD}")[2])["sha"] == OLD
    assert json.loads(ask("/api/models/example/model/refs")[2])["branches"][0]["targetCommit"] == NEW


def test_the_tree_marks_large_files(ask):
    entries = {entry["path"]: entry for entry in json.loads(ask(f"/api/models/example/model/tree/{NEW}")[2])}
    assert entries["sub/config.json"]["oid"] == "9e26dfeeb6e641a33dae4961196235bdb965b21b"  # git hash-object of {}
    assert "lfs" not in entries["sub/config.json"]
    assert entries["model.safetensors"]["lfs"]["size"] == len(WEIGHTS)


@pytest.mark.parametrize(
    ("wanted", "status", "body", "content_range"),
    [
        ("bytes=0-9", 206, WEIGHTS[:10], "bytes 0-9/2500"),
        ("bytes=2400-", 206, WEIGHTS[2400:], "bytes 2400-2499/2500"),
        ("bytes=-5", 206, WEIGHTS[-5:], "bytes 2495-2499/2500"),
        ("bytes=2490-9999", 206, WEIGHTS[2490:], "bytes 2490-2499/2500"),
        ("bytes=2500-", 416, b"", "bytes */2500"),
        ("lines=1-2", 200, WEIGHTS, None),
    ],
)
def test_ranges(ask, wanted, status, body, content_range):
    answer = ask(f"/example/model/resolve/{NEW}/model.safetensors", Range=wanted)
    assert (answer[0], answer[2], answer[1]["Content-Range"]) == (status, body, content_range)


def test_head_describes_the_file_without_its_content(ask):
    status, headers, body = ask("/example/model/resolve/main/model.safetensors", "HEAD")
    assert (status, body, headers["Content-Length"], headers["X-Linked-Size"]) == (200, b"", "2500", "2500")
    assert headers["X-Repo-Commit"] == NEW


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/api/models/example/missing", {}, 401, "RepoNotFound"),
        ("/api/models/example/missing", {"Authorization": "Bearer x"}, 404, "RepoNotFound"),
        ("/api/models/example/model/revision/" + "3" * 40, {}, 404, "RevisionNotFound"),
        (f"/example/model/resolve/{NEW}/missing.json", {}, 404, "EntryNotFound"),
        (f"/example/model/resolve/{NEW}/../../../secret.txt", {}, 404, "EntryNotFound"),
        (f"/example/model/resolve/{NEW}/%2e%2e/%2e%2e/%2e%2e/secret.txt", {}, 404, "EntryNotFound"),
        ("/api/whoami-v2", {}, 404, None),
    ],
)
def test_refusals_have_the_real_hub_s_codes(ask, path, headers, status, code):
    answer = ask(path, **headers)
    assert (answer[0], answer[1]["X-Error-Code"]) == (status, code)
    assert b"not for anyone" not in answer[2]


def test_healthz(ask):
    assert ask("/healthz")[0] == 200


def test_a_declared_revision_without_files_is_refused(tmp_path):
    declared = {"repositories": [{"repository": "example/model", "revisions": [{"revision": OLD}]}]}
    (tmp_path / "models.json").write_text(json.dumps(declared))
    with pytest.raises(FileNotFoundError, match="holds no files"):
        load_repositories(tmp_path / "models.json", tmp_path)
