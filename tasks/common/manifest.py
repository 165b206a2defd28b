"""The manifest of a downloaded model: which files belong to it, and the sha256 of each.

It is the file <directory>.sha256 next to the model's directory, in the format of sha256sum, so `sha256sum --check`
works inside the directory. Its own sha256 identifies the model's content up to the registry.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from task_support import TaskError


def manifest_path(model: Path) -> Path:
    return model.with_name(model.name + ".sha256")


def manifest_text(digests: Mapping[str, str]) -> str:
    """The manifest for sha256 digests by relative path."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))


def text_digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def read_manifest(model: Path) -> tuple[dict[str, str], str]:
    """The sha256 digests by path, and the manifest's digest; TaskError if the model was not downloaded completely."""
    path = manifest_path(model)
    if not path.is_file():
        raise TaskError(f"{path} does not exist: {model.name} was not downloaded completely; run the pull task first")
    text = path.read_text()
    digests = {}
    for line in text.splitlines():
        digest, _, name = line.partition("  ")
        digests[name] = digest
    return digests, text_digest(text)
