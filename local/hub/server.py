"""A read-only model hub that speaks Hugging Face's protocol, for a platform without internet.

Stands in for https://huggingface.co: it serves what models.json declares from a directory of files, as far as
huggingface_hub's downloads need it (metadata, file tree, refs, resolve with ranges). It stores nothing, takes
no uploads, and answers 404 to every other route.

usage: server.py MODELS_JSON DIRECTORY      with DIRECTORY/<repository>/<revision>/<files>
environment: PORT (default 8080), ADDRESS (default all), HUB_TOKEN (the token that opens gated repositories)
"""

import hashlib
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE_FILES = re.compile(r"\.(safetensors|bin|gguf)$")
API_ROUTE = re.compile(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree|refs|paths-info)(?:/([^/]+))?(?:/(.+))?)?")
RESOLVE_ROUTE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
LONGEST_BODY = 1 << 20


@dataclass(frozen=True)
class StoredFile:
    path: Path
    size: int
    oid: str  # git's blob id
    sha256: str

    @property
    def large(self) -> bool:
        """Whether the real hub would keep it in LFS."""
        return LARGE_FILES.search(self.path.name) is not None

    @property
    def etag(self) -> str:
        return self.sha256 if self.large else self.oid


@dataclass(frozen=True)
class Repository:
    name: str
    main: str
    gated: bool
    revisions: dict[str, dict[str, StoredFile]]

    def resolve(self, revision: str) -> str | None:
        """The commit that a branch or commit id names, or None."""
        commit = self.main if revision == "main" else revision
        return commit if commit in self.revisions else None


def stored_file(path: Path) -> StoredFile:
    size = path.stat().st_size
    oid, sha256 = hashlib.sha1(b"blob %d\0" % size), hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            oid.update(chunk)
            sha256.update(chunk)
    return StoredFile(path, size, oid.hexdigest(), sha256.hexdigest())


def load_repositories(declared: Path, directory: Path) -> dict[str, Repository]:
    """The declared repositories with their files; FileNotFoundError if a declared revision has none."""
    repositories = {}
    for entry in json.loads(declared.read_text())["repositories"]:
        revisions = {}
        for revision in entry["revisions"]:
            root = directory / entry["repository"] / revision["revision"]
            files = sorted(path for path in root.rglob("*") if path.is_file())
            if not files:
                raise FileNotFoundError(f"{root} holds no files, but {declared} declares it")
            revisions[revision["revision"]] = {str(file.relative_to(root)): stored_file(file) for file in files}
        main = entry["revisions"][-1]["revision"]
        repositories[entry["repository"]] = Repository(entry["repository"], main, entry.get("gated", False), revisions)
    return repositories


def tree_entry(path: str, file: StoredFile) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "size": file.size, "oid": file.oid}
    if file.large:
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": 134}
    return entry


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte that a Range header asks for, None for the whole file; ValueError if it has no such bytes."""
    if header is None:
        return None
    match = RANGE.fullmatch(header)
    if match is None or match.groups() == ("", ""):
        return None  # several ranges, or no byte range: HTTP allows answering with the whole file
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size - 1
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    if start >= size or start > end:
        raise ValueError(header)
    return start, end


class HubHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "HubServer"

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        body = self.read_body()
        path = unquote(urlsplit(self.path).path)
        if path == "/healthz":
            self.send_json({"repositories": sorted(self.server.repositories)})
        elif match := API_ROUTE.fullmatch(path):
            name, verb, revision, inner = match.groups()
            self.answer_api(name, verb, revision, inner, body)
        elif match := RESOLVE_ROUTE.fullmatch(path):
            self.answer_file(*match.groups())
        else:
            self.send_problem(404, None, f"no such route: {path}")

    def answer_api(self, name: str, verb: str | None, revision: str | None, path: str | None, body: bytes) -> None:
        repository = self.repository(name)
        if repository is None:
            return
        if verb == "refs":
            branch = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.main}
            self.send_json({"branches": [branch], "tags": [], "converts": []})
            return
        commit = self.commit(repository, revision or "main")
        if commit is None:
            return
        files = repository.revisions[commit]
        if verb == "tree":
            prefix = f"{path.rstrip('/')}/" if path else ""
            self.send_json([tree_entry(name, file) for name, file in files.items() if name.startswith(prefix)])
        elif verb == "paths-info":
            wanted = parse_qs(body.decode()).get("paths", [])
            self.send_json([tree_entry(name, files[name]) for name in wanted if name in files])
        else:
            self.send_json(
                {
                    "id": repository.name,
                    "modelId": repository.name,
                    "sha": commit,
                    "private": False,
                    "gated": "manual" if repository.gated else False,
                    "disabled": False,
                    "tags": [],
                    "siblings": [{"rfilename": name} for name in files],
                }
            )

    def answer_file(self, name: str, revision: str, path: str) -> None:
        repository = self.repository(name)
        commit = self.commit(repository, revision) if repository else None
        if repository is None or commit is None:
            return
        if repository.gated and not self.has_access():
            status = 403 if self.token() else 401
            self.send_problem(status, "GatedRepo", f"Access to model {repository.name} is restricted.")
            return
        # Only paths found when the server started are known, so none can lead out of the directory.
        file = repository.revisions[commit].get(path)
        if file is None:
            self.send_problem(404, "EntryNotFound", f"{path} does not exist in {repository.name} at {commit}")
            return
        self.send_file(file, commit)

    def repository(self, name: str) -> Repository | None:
        found = self.server.repositories.get(name)
        if found is None:
            # Without a token the real hub does not tell a missing repository from a private one.
            self.send_problem(404 if self.token() else 401, "RepoNotFound", "Repository not found")
        return found

    def commit(self, repository: Repository, revision: str) -> str | None:
        found = repository.resolve(revision)
        if found is None:
            self.send_problem(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found

    def token(self) -> str | None:
        kind, _, value = (self.headers.get("Authorization") or "").partition(" ")
        return value if kind == "Bearer" and value else None

    def has_access(self) -> bool:
        return self.server.token is not None and self.token() == self.server.token

    def read_body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(min(length, LONGEST_BODY))

    def send_json(self, value: object) -> None:
        self.send_bytes(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send_problem(self, status: int, code: str | None, message: str) -> None:
        headers = {"Content-Type": "application/json", "X-Error-Message": message.encode("ascii", "replace").decode()}
        if code is not None:
            headers["X-Error-Code"] = code
        self.send_bytes(status, json.dumps({"error": message}).encode(), headers)

    def send_bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.start(status, len(body), headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_file(self, file: StoredFile, commit: str) -> None:
        headers = {
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
            "ETag": f'"{file.etag}"',
            "X-Repo-Commit": commit,
        }
        if file.large:
            headers |= {"X-Linked-Size": str(file.size), "X-Linked-ETag": f'"{file.etag}"'}
        try:
            wanted = byte_range(self.headers.get("Range"), file.size)
        except ValueError:
            self.send_bytes(416, b"", {"Content-Range": f"bytes */{file.size}"})
            return
        start, end = wanted or (0, file.size - 1)
        if wanted:
            headers["Content-Range"] = f"bytes {start}-{end}/{file.size}"
        self.start(206 if wanted else 200, end - start + 1, headers)
        if self.command == "HEAD":
            return
        with file.path.open("rb") as stream:
            stream.seek(start)
            if end == file.size - 1:
                shutil.copyfileobj(stream, self.wfile, 1 << 20)
                return
            left = end - start + 1
            while left and (chunk := stream.read(min(left, 1 << 20))):
                self.wfile.write(chunk)
                left -= len(chunk)

    def start(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        # Probes would fill the log.
        if self.path != "/healthz":
            super().log_message(format, *arguments)


class HubServer(ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], repositories: dict[str, Repository], token: str | None) -> None:
        super().__init__(address, HubHandler)
        self.repositories = repositories
        self.token = token


def main() -> None:
    repositories = load_repositories(Path(sys.argv[1]), Path(sys.argv[2]))
    address = (os.environ.get("ADDRESS", ""), int(os.environ.get("PORT", "8080")))
    server = HubServer(address, repositories, os.environ.get("HUB_TOKEN"))
    print(f"serving {', '.join(sorted(repositories))} on port {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
