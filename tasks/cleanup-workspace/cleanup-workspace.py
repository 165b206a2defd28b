"""Removes the given directories and files of a workspace with their records, and nothing else.

Missing files are not an error, so it can run first, last, or again after an interruption.
"""

import os
from pathlib import Path

from task_support import Parameters, TaskError, run, size, write_result

# Written by tasks next to a model's directory; an interrupted task leaves them incomplete.
RECORDS = (
    ".sha256",
    ".source.json",
    ".source.json.partial",
    ".modelcar.json",
    ".modelcar.json.partial",
    ".partial",
)


def read_parameters() -> tuple[Path, list[str], list[str]]:
    parameters = Parameters()
    workspace = Path(parameters.required("MODELS_DIRECTORY", r"/.+", "the absolute path of the workspace"))
    names = parameters.required("DIRECTORIES").split()
    kept = parameters.optional("KEEP").split()
    parameters.check()
    return workspace, names, kept


def inside(workspace: Path, name: str, parameter: str) -> Path:
    """The path of a name below the workspace. Links are not followed, because they may point outside it."""
    parts = name.strip("/").split("/")
    if name.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise TaskError(
            f"{parameter} names {name!r}, which is no path below the workspace: give it without /, . and .."
        )
    path = workspace.joinpath(*parts)
    for parent in path.parents:
        if parent == workspace:
            return path
        if parent.is_symlink():
            raise TaskError(f"{parameter} names {name!r}, but {parent} is a link: name its target")
    raise AssertionError


def records_of(directory: Path) -> list[Path]:
    return [directory.with_name(directory.name + ending) for ending in RECORDS]


class Cleaner:
    def __init__(self, kept: list[Path]) -> None:
        self._kept = kept
        self.removed = 0
        self.freed = 0

    def remove(self, path: Path) -> bool:
        """Removes a file, a link, or a directory with its content; false if part of it is kept."""
        if path in self._kept:
            print(f"{path}: kept", flush=True)
            return False
        if path.is_dir() and not path.is_symlink():
            # A list, so that a kept file does not end the loop.
            if not all([self.remove(Path(entry)) for entry in os.scandir(path)]):  # noqa: C419
                return False
            path.rmdir()
            return True
        about = path.lstat()
        path.unlink()
        self.removed += 1
        # With another hard link the content stays.
        self.freed += about.st_blocks * 512 if about.st_nlink == 1 else 0
        return True


def clean(workspace: Path, names: list[str], kept: list[str]) -> None:
    if not workspace.is_dir():
        raise TaskError(f"the workspace {workspace} does not exist: bind the volume")
    cleaner = Cleaner([inside(workspace, name, "KEEP") for name in kept])
    # All names are checked before anything is removed.
    directories = [inside(workspace, name, "DIRECTORIES") for name in names]
    for directory in directories:
        present = [path for path in (*records_of(directory), directory) if os.path.lexists(path)]
        if not present:
            print(f"{directory}: does not exist", flush=True)
        # The records first: without them a half-empty directory is not mistaken for a complete model.
        for path in present:
            if cleaner.remove(path):
                print(f"{path}: removed", flush=True)
    print(f"{cleaner.removed} files, {size(cleaner.freed)} free again", flush=True)
    write_result("removed-files", cleaner.removed)
    write_result("freed-bytes", cleaner.freed)


def main() -> None:
    workspace, names, kept = read_parameters()
    try:
        clean(workspace, names, kept)
    except OSError as error:
        raise TaskError(f"{error.filename}: {error.strerror}: does another user own it, or is it in use?") from error


if __name__ == "__main__":
    run(main)
