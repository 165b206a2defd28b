"""A model's directory in the format of Transformers: its config, its weights, and its other files."""

import hashlib
import json
import re
import shutil
from pathlib import Path

from json_object import JsonObject
from task_support import TaskError, progress

WEIGHTS = r".*\.(safetensors|bin|pt|pth|gguf|msgpack|h5|onnx)(\.index\.json)?"


def read_config(model: Path) -> JsonObject:
    path = model / "config.json"
    if not path.is_file():
        raise TaskError(f"{model} has no config.json, so it is not a Transformers model; only those can be compressed")
    config: JsonObject = json.loads(path.read_text())
    return config


def refuse_quantized(model: Path) -> None:
    config = read_config(model)
    text = config.get("text_config") or {}
    found = config.get("quantization_config") or config.get("compression_config") or text.get("quantization_config")
    if found:
        raise TaskError(
            f"{model.name} is already quantized ({found.get('quant_method', 'by an unknown method')}): compress the"
            " original model, or serve this one without compress-model"
        )


def weight_files(model: Path) -> list[Path]:
    """The files from which a loader reads the weights, without copies in other formats."""
    for name in ("model.safetensors.index.json", "pytorch_model.bin.index.json"):
        if (model / name).is_file():
            names = set(json.loads((model / name).read_text())["weight_map"].values())
            return [model / name for name in sorted(names)]
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (model / name).is_file():
            return [model / name]
    raise TaskError(f"{model} has no weights that Transformers reads (model.safetensors)")


def weight_bytes(model: Path) -> int:
    files = weight_files(model)
    missing = [path.name for path in files if not path.is_file()]
    if missing:
        raise TaskError(f"{model} lacks {', '.join(missing)}: widen HUGGINGFACE_ALLOW_PATTERNS and pull it again")
    return sum(path.stat().st_size for path in files)


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_content(model: Path, digests: dict[str, str]) -> None:
    """TaskError unless every file of the model matches its manifest."""
    missing = [path for path in digests if not (model / path).is_file()]
    if missing:
        raise TaskError(f"{model} lacks {', '.join(missing)}: run the pull task again")
    sizes = {path: (model / path).stat().st_size for path in digests}
    checked: list[str] = []
    with progress("checking", sum(sizes.values()), lambda: sum(sizes[path] for path in list(checked))):
        for path, digest in digests.items():
            if sha256_of(model / path) != digest:
                raise TaskError(f"{model / path} differs from its manifest: run the pull task again")
            checked.append(path)


def scheme_of(model: Path) -> str:
    """The scheme of a compressed model, from its config: W4A16 for 4 bit weights and 16 bit activations."""
    config = read_config(model).get("quantization_config")
    if not config:
        raise TaskError("the compressed model is not quantized: fix the recipe")

    def bits(part: JsonObject | None) -> int:
        return part["num_bits"] if part else 16

    groups = config["config_groups"].values()
    return " ".join(sorted({f"W{bits(group['weights'])}A{bits(group['input_activations'])}" for group in groups}))


def keep_other_files(model: Path, output: Path, digests: dict[str, str]) -> None:
    """Copies the model's files except weights and config: tokenizer, chat template, license, nested folders."""
    for name in digests:
        if re.fullmatch(WEIGHTS, name) or name == "config.json":
            continue
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(model / name, target)
    for path in output.rglob("*"):
        # safetensors creates files that only their owner can read; later tasks run under another uid.
        path.chmod(0o755 if path.is_dir() else 0o644)
