"""A model's directory, as Transformers reads and writes it: its config, its weights, and what lies beside them."""

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
        raise TaskError(f"{model} has no config.json, so it is no model of Transformers; only those can be compressed")
    config: JsonObject = json.loads(path.read_text())
    return config


def refuse_quantized(model: Path) -> None:
    config = read_config(model)
    text = config.get("text_config") or {}
    found = config.get("quantization_config") or config.get("compression_config") or text.get("quantization_config")
    if found:
        raise TaskError(
            f"{model.name} is quantized already ({found.get('quant_method', 'by an unknown method')}): compress the"
            " model that it was made from, or serve it as it is and leave compress-model out"
        )


def weight_files(model: Path) -> list[Path]:
    """The files that a loader takes the weights from: not the copies in other formats that some models bring."""
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
    """TaskError unless every file of the model is what its manifest says."""
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
    """The scheme that a compressed model has, from its own config: W4A16 for 4 bit weights and 16 bit activations."""
    config = read_config(model).get("quantization_config")
    if not config:
        raise TaskError("the model that was written is not quantized; this is a fault of the recipe")

    def bits(part: JsonObject | None) -> int:
        return part["num_bits"] if part else 16

    groups = config["config_groups"].values()
    return " ".join(sorted({f"W{bits(group['weights'])}A{bits(group['input_activations'])}" for group in groups}))


def keep_other_files(model: Path, output: Path, digests: dict[str, str]) -> None:
    """Copies what belongs to the model beside weights and config: tokenizer, chat template, licence, nested folders."""
    for name in digests:
        if re.fullmatch(WEIGHTS, name) or name == "config.json":
            continue
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(model / name, target)
    for path in output.rglob("*"):
        # safetensors writes its files for their owner only; later steps run under another uid.
        path.chmod(0o755 if path.is_dir() else 0o644)
