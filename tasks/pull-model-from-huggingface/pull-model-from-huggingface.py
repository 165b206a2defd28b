"""Downloads one commit of a Hugging Face repository to the workspace, and verifies every file.

An interrupted run resumes where it stopped; a complete model is not downloaded again. The manifest next to the model's
directory is written last, so a directory with a manifest is complete.
"""

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("HF_XET_CHUNK_CACHE_SIZE_BYTES", "0")  # it would hold a second copy of the model

import httpx
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import filter_repo_objects
from manifest import manifest_path, manifest_text, text_digest
from task_support import Parameters, TaskError, full_workspace, progress, run, size, write_result

COMMIT = r"[0-9a-f]{40}"


@dataclass(frozen=True)
class Source:
    repository: str
    revision: str
    patterns: list[str]
    endpoint: str
    token: str | None


@dataclass(frozen=True)
class Wanted:
    """A file as the hub describes it: with a sha256 for large files, git's blob id for others."""

    path: str
    size: int
    blob_id: str
    sha256: str | None


def read_parameters() -> tuple[Source, Path]:
    parameters = Parameters()
    source = Source(
        repository=parameters.required("HUGGINGFACE_MODEL", r"[\w.-]+/[\w.-]+", "<organisation>/<model>"),
        revision=parameters.required("HUGGINGFACE_REVISION"),
        patterns=parameters.optional("HUGGINGFACE_ALLOW_PATTERNS").split(),
        endpoint=parameters.required("HF_ENDPOINT", r"https?://.+", "an http(s) URL").rstrip("/"),
        token=parameters.optional("HF_TOKEN") or None,
    )
    directory = parameters.directory("MODEL_DIRECTORY")
    parameters.check()
    return source, directory


def list_files(source: Source) -> list[Wanted]:
    """The repository's files at the commit that match the patterns."""
    api = HfApi(endpoint=source.endpoint, token=source.token or False)
    commit = api.model_info(source.repository, revision=source.revision).sha
    if not re.fullmatch(COMMIT, source.revision):
        raise TaskError(
            f"HUGGINGFACE_REVISION {source.revision} is not a commit and may change;"
            f" currently it is {commit}: set that as the revision"
        )
    entries = api.list_repo_tree(source.repository, revision=source.revision, recursive=True)
    files = [entry for entry in entries if isinstance(entry, RepoFile)]
    names = {file.path for file in files}
    if source.patterns:
        names = set(filter_repo_objects(names, allow_patterns=source.patterns))
    if not names:
        raise TaskError(
            f"no file of {source.repository} matches HUGGINGFACE_ALLOW_PATTERNS {' '.join(source.patterns)!r};"
            f" it has {', '.join(sorted(file.path for file in files)[:10]) or 'no files'}"
        )
    return [
        Wanted(file.path, file.size, file.blob_id, file.lfs.sha256 if file.lfs else None)
        for file in sorted(files, key=lambda file: file.path)
        if file.path in names
    ]


def source_path(directory: Path) -> Path:
    """The path of the model's record, next to its directory."""
    return directory.with_name(directory.name + ".source.json")


def source_text(source: Source, files: list[Wanted]) -> str:
    listed = [[file.path, file.size, file.sha256 or file.blob_id] for file in files]
    return json.dumps({"repository": source.repository, "revision": source.revision, "files": listed}, indent=1)


def is_complete(directory: Path, source: Source, files: list[Wanted]) -> bool:
    """Whether exactly these files exist, downloaded and verified by an earlier run. Does not read them."""
    if not manifest_path(directory).is_file() or not source_path(directory).is_file():
        return False
    if source_path(directory).read_text() != source_text(source, files):
        return False
    present = {str(p.relative_to(directory)): p.stat().st_size for p in directory.rglob("*") if p.is_file()}
    return present == {file.path: file.size for file in files}


def present_bytes(directory: Path) -> int:
    """Bytes in the directory, including partial downloads. Files may disappear while it counts."""
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            try:
                total += Path(parent, name).stat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def check_space(directory: Path, files: list[Wanted]) -> None:
    needed = sum(file.size for file in files) - present_bytes(directory)
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise TaskError(
            f"{directory.parent} has {size(free)} free, but the download needs {size(needed)}: use a larger volume"
        )


def remove_others(directory: Path, files: list[Wanted]) -> None:
    """Removes files of an earlier revision or other patterns; keeps the downloader's records in .cache."""
    wanted = {file.path for file in files}
    for path in sorted(directory.rglob("*"), reverse=True):
        relative = path.relative_to(directory)
        if relative.parts[0] == ".cache":
            continue
        if path.is_file() and str(relative) not in wanted:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def download(directory: Path, source: Source, files: list[Wanted]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for record in (manifest_path(directory), source_path(directory)):
        record.unlink(missing_ok=True)
    remove_others(directory, files)
    check_space(directory, files)
    total = sum(file.size for file in files)
    with progress("downloading", total, lambda: present_bytes(directory)):
        snapshot_download(
            source.repository,
            revision=source.revision,
            allow_patterns=source.patterns or None,
            local_dir=directory,
            endpoint=source.endpoint,
            token=source.token or False,
            max_workers=4,
        )
    shutil.rmtree(directory / ".cache", ignore_errors=True)


def checked_digest(directory: Path, file: Wanted) -> str:
    """The file's sha256, after verifying its size and content with the hub's."""
    path = directory / file.path
    actual = path.stat().st_size if path.is_file() else None
    if actual != file.size:
        raise TaskError(f"{path} has {actual} bytes, not {file.size} as on the hub: run the task again")
    sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % file.size)
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 22):
            sha256.update(chunk)
            if file.sha256 is None:
                blob.update(chunk)
    same = sha256.hexdigest() == file.sha256 if file.sha256 else blob.hexdigest() == file.blob_id
    if not same:
        path.unlink()
        raise TaskError(f"{path} differs from the hub's checksum and was removed: run the task again")
    return sha256.hexdigest()


def checked_digests(directory: Path, files: list[Wanted]) -> dict[str, str]:
    digests: dict[str, str] = {}
    sizes = {file.path: file.size for file in files}
    with progress("checking", sum(sizes.values()), lambda: sum(sizes[path] for path in list(digests))):
        for file in files:
            digests[file.path] = checked_digest(directory, file)
    return digests


def write_results(source: Source, directory: Path, files: list[Wanted]) -> None:
    write_result("revision", source.revision)
    write_result("total-bytes", sum(file.size for file in files))
    write_result("file-count", len(files))
    write_result("manifest-digest", text_digest(manifest_path(directory).read_text()))


def pull(source: Source, directory: Path) -> None:
    print(f"{source.repository} at {source.revision} from {source.endpoint} to {directory}", flush=True)
    files = list_files(source)
    print(f"{len(files)} files, {size(sum(file.size for file in files))}", flush=True)
    if is_complete(directory, source, files):
        print("already complete", flush=True)
    else:
        download(directory, source, files)
        digests = checked_digests(directory, files)
        source_path(directory).write_text(source_text(source, files))
        manifest_path(directory).write_text(manifest_text(digests))
    write_results(source, directory, files)


def explain(source: Source, error: Exception) -> str | None:
    """One line for an error with a known cause, None for others."""
    where = f"{source.repository} at {source.endpoint}"
    token = "the token given in HF_TOKEN" if source.token else "no token (HF_TOKEN is not set)"
    match error:
        case GatedRepoError():
            return f"{where} is gated, and {token} has no access: accept its license and set the secret's HF_TOKEN"
        case RepositoryNotFoundError():
            return f"{where} does not exist, or is private and {token} has no access: check HUGGINGFACE_MODEL"
        case RevisionNotFoundError():
            return f"{where} has no revision {source.revision}: check HUGGINGFACE_REVISION"
        case HfHubHTTPError():
            return f"{where}: the hub answered {error.response.status_code}: {str(error).splitlines()[0]}"
        case httpx.HTTPError() | LocalEntryNotFoundError():
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            return f"{where}: the hub cannot be reached: {reason}"
        case OSError() if message := full_workspace(error):
            return message
        case PermissionError():
            return f"the workspace cannot be written: {error}"
        case OSError(errno=None):
            # huggingface_hub's error for a download that ended early.
            return f"{where}: {str(error).splitlines()[0]}: run the task again"
    return None


def main() -> None:
    source, directory = read_parameters()
    try:
        pull(source, directory)
    except TaskError:
        raise
    except Exception as error:
        message = explain(source, error)
        if message is None:
            raise
        raise TaskError(message) from error


if __name__ == "__main__":
    run(main)
