"""The data sets of evaluation tasks: local files, and data sets of the hub at pinned commits.

lm-evaluation-harness would load the current state of a branch; here a data set without a commit is an error.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
from hub_files import HubReference, fetch, fetched, hub_reference
from shipped import SHIPPED
from task_support import TaskError

FILE_FORMATS = ("json", "csv", "parquet", "text", "arrow")
PATTERNS = ["README.md", "*.parquet", "*.jsonl", "*.json", "*.csv", "*.jsonl.gz", "*.zst"]


def pinned_datasets(added: str) -> dict[str, HubReference]:
    """The commits to use, by data set: the shipped ones, and added ones ("org/name@commit ...")."""
    lines = [line for line in (SHIPPED / "datasets.txt").read_text().splitlines() if not line.startswith("#")]
    references = [hub_reference("dataset", text) for text in [*lines, *added.split()]]
    return {reference.repository: reference for reference in references}


class Datasets:
    """Loads the data sets of tasks from a store on the workspace. With an endpoint, missing ones are downloaded."""

    def __init__(
        self,
        store: Path,
        pins: dict[str, HubReference],
        folders: list[Path],
        endpoint: str | None = None,
        token: str | None = None,
    ) -> None:
        self._store, self._pins, self._folders = store, pins, folders
        self._endpoint, self._token = endpoint, token
        self._load = datasets.load_dataset
        self.used: dict[str, str] = {}  # commit of each loaded data set, for the report

    def load(self, path: str, name: str | None = None, **arguments: Any) -> Any:
        if path in FILE_FORMATS:
            files = arguments.pop("data_files", None)
            return self._load(path, name, data_files=self._absolute(files), **arguments)
        reference = self._pins.get(path)
        if reference is None:
            raise TaskError(f"data set {path} has no pinned commit: add {path}@<commit> to DATASET_REVISIONS")
        directory: Path | None
        if self._endpoint:
            directory = fetch(reference, self._store, PATTERNS, self._endpoint, self._token)
        else:
            directory = fetched(reference, self._store)
            if directory is None:
                raise TaskError(f"data set {reference} is not on the workspace: run fetch-evaluation-data first")
        self.used[path] = reference.commit
        arguments.pop("revision", None)
        return self._load(str(directory), name, **arguments)

    def _absolute(self, files: Any) -> Any:
        """Resolves names of a task's own files, which are relative to the task's folder."""
        match files:
            case str() if not files.startswith("/"):
                found = [folder / files for folder in self._folders if (folder / files).is_file()]
                if not found:
                    raise TaskError(f"{files}, the data file of a task, is in none of the task folders")
                return str(found[0])
            case list():
                return [self._absolute(file) for file in files]
            case dict():
                return {split: self._absolute(file) for split, file in files.items()}
        return files

    @contextmanager
    def loading(self) -> Iterator[None]:
        """While it is active, lm-evaluation-harness loads data sets through this class; it has no setting for that."""
        datasets.load_dataset = self.load
        try:
            yield
        finally:
            datasets.load_dataset = self._load
