"""Downloads files of a hub repository at one commit to the workspace, for tasks that need more than the model itself.

A reference is <organisation>/<name>@<commit>. Its files are in <store>/<kind>/<organisation>/<name>/<commit>. This
directory exists only when it is complete, so a task without network access can read what an earlier task has
downloaded.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from task_support import TaskError

REFERENCE = r"[\w.-]+/[\w.-]+@[0-9a-f]{40}"
MISSING_COMMIT = r"[\w.-]+/[\w.-]+(@.*)?"


@dataclass(frozen=True)
class HubReference:
    kind: str  # "dataset" or "model"
    repository: str
    commit: str

    def __str__(self) -> str:
        return f"{self.repository}@{self.commit}"

    def directory(self, store: Path) -> Path:
        return store / f"{self.kind}s" / self.repository / self.commit


def hub_reference(kind: str, text: str) -> HubReference:
    """Parses a reference; TaskError if it has no commit, because branches and tags move."""
    if not re.fullmatch(REFERENCE, text):
        raise TaskError(f"{text!r} must be <organisation>/<name>@<commit>, with the 40 hexadecimal digits of a commit")
    repository, _, commit = text.partition("@")
    return HubReference(kind, repository, commit)


def fetched(reference: HubReference, store: Path) -> Path | None:
    """The reference's directory, if it exists."""
    directory = reference.directory(store)
    return directory if directory.is_dir() else None


def fetch(reference: HubReference, store: Path, patterns: list[str], endpoint: str, token: str | None) -> Path:
    """The directory with the reference's files that match the patterns; downloads them if it does not exist."""
    if directory := fetched(reference, store):
        return directory
    # Imported here because it takes a second, and most runs have nothing to download.
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    directory = reference.directory(store)
    partial = directory.with_name(directory.name + ".partial")
    print(f"fetching {reference.kind} {reference} from {endpoint}", flush=True)
    try:
        snapshot_download(
            reference.repository,
            repo_type=reference.kind,
            revision=reference.commit,
            allow_patterns=patterns,
            local_dir=partial,
            endpoint=endpoint,
            token=token or False,
        )
    except (GatedRepoError, RepositoryNotFoundError) as error:
        raise TaskError(
            f"{reference.kind} {reference.repository} at {endpoint} does not exist, is private or gated:"
            " check its name and the secret hf-token"
        ) from error
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TaskError(f"{reference.kind} {reference} cannot be fetched from {endpoint}: {reason}") from error
    files = [path for path in partial.rglob("*") if path.is_file() and ".cache" not in path.parts]
    if not files:
        raise TaskError(f"{reference.kind} {reference} has no files like {' '.join(patterns)}")
    partial.rename(directory)
    return directory
