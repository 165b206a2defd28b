"""Runs the compress task on the local hub's models, with the real LLM Compressor on CPU."""

import hashlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from manifest import manifest_path, manifest_text, text_digest
from model_record import Origin, read_compression, read_origin
from server import Repository, stored_file
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = Path(__file__).parent
HUB = Path("/models/modelcar")
RESULTS = ["bytes-before", "bytes-after", "scheme", "recipe-digest", "calibration", "manifest-digest", "skipped"]


def write_manifest(model: Path) -> str:
    files = {str(p.relative_to(model)): p for p in model.rglob("*") if p.is_file()}
    text = manifest_text({name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()})
    manifest_path(model).write_text(text)
    return text_digest(text)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A workspace with sums-mini like some repositories: with nested folders and a copy of the weights."""
    (revision,) = (HUB / "sums-mini").iterdir()
    model = tmp_path / "models" / "CodeLlama-34b_Python.hf"
    model.mkdir(parents=True)
    for file in revision.iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    (model / "original").mkdir()
    (model / "original" / "params.json").write_text('{"dim": 128}')
    (model / "original" / "consolidated.00.pth").write_bytes(b"the weights once more")
    write_manifest(model)
    return tmp_path / "models"


@pytest.fixture
def compress(run_task: Callable, models: Path) -> Callable:
    def start(**changes: str):
        return run_task("compress-model", RESULTS, **{**parameters(models), **changes})

    return start


def parameters(models: Path) -> dict[str, str]:
    return {
        "MODELS_DIRECTORY": str(models),
        "MODEL_DIRECTORY": "CodeLlama-34b_Python.hf",
        "COMPRESSED_DIRECTORY": "compressed",
        "RECIPE": "sums",
        "CALIBRATION_SAMPLES": "16",
        "MAX_SEQUENCE_LENGTH": "64",
        "GPUS": "1",
        "CPU_MEMORY_BYTES": "0",
        "HF_ENDPOINT": "http://127.0.0.1:9",
    }


def names(directory: Path) -> set[str]:
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()}


def answer(model: Path, question: str) -> str:
    tokenizer = AutoTokenizer.from_pretrained(model)
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    ids = tokenizer(f"Question: {question}\nAnswer:", return_tensors="pt", return_token_type_ids=False)
    output = loaded.generate(**ids, max_new_tokens=4, do_sample=False)
    return tokenizer.decode(output[0][ids["input_ids"].shape[1] :], skip_special_tokens=True).strip()


def test_gptq_makes_the_weights_smaller_and_keeps_everything_else(compress, models):
    outcome = compress()
    assert outcome.code == 0, outcome.error
    model, compressed = models / "CodeLlama-34b_Python.hf", models / "compressed"
    weights = model / "model.safetensors"
    assert outcome.results["scheme"] == "W4A16"
    assert outcome.results["skipped"] == "false"
    assert outcome.results["bytes-before"] == str(weights.stat().st_size)
    assert outcome.results["bytes-after"] == str((compressed / "model.safetensors").stat().st_size)
    assert int(outcome.results["bytes-after"]) < 0.75 * int(outcome.results["bytes-before"])

    config = json.loads((compressed / "config.json").read_text())["quantization_config"]
    (group,) = config["config_groups"].values()
    assert (group["weights"]["num_bits"], group["weights"]["group_size"]) == (4, 128)
    assert (config["quant_method"], config["ignore"]) == ("compressed-tensors", ["lm_head"])
    assert "GPTQModifier" in (compressed / "recipe.yaml").read_text()
    assert "ProgressLines" not in (compressed / "recipe.yaml").read_text()

    # Without the copy of the weights; the tokenizer's files byte for byte, without settings of the calibration.
    assert names(compressed) == names(model) - {"original/consolidated.00.pth"} | {"recipe.yaml"}
    for name in names(model) - {"config.json", "model.safetensors", "original/consolidated.00.pth"}:
        assert (compressed / name).read_bytes() == (model / name).read_bytes()
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in compressed.rglob("*"))

    manifest = manifest_path(compressed).read_text()
    assert {line.partition("  ")[2] for line in manifest.splitlines()} == names(compressed)
    assert outcome.results["manifest-digest"] == text_digest(manifest)
    assert re.search(r"quantizing: 7 of 7 layers, 0 s left", outcome.output)
    assert answer(compressed, "What is 7 plus 5?") == answer(model, "What is 7 plus 5?") == "12"
    assert not (models / "compressed.partial").exists()


def test_the_same_inputs_are_skipped_and_changed_ones_are_not(compress, models):
    first = compress()
    written = (models / "compressed" / "model.safetensors").stat().st_mtime_ns
    second = compress()
    assert "skipped:" in second.output
    assert second.results == {**first.results, "skipped": "true"}
    assert (models / "compressed" / "model.safetensors").stat().st_mtime_ns == written

    (models / "other.yaml").write_text((HERE / "recipes" / "sums.yaml").read_text() + "# another\n")
    (models / "sums.jsonl").write_bytes((HERE / "recipes" / "sums.jsonl").read_bytes())
    third = compress(RECIPE="other.yaml")
    assert third.results["skipped"] == "false"
    assert third.results["recipe-digest"] != first.results["recipe-digest"]

    (models / "compressed" / "tokenizer.json").unlink()
    assert compress(RECIPE="other.yaml").results["skipped"] == "false"


def test_the_record_has_the_model_and_the_compression(compress, models):
    model, compressed = models / "CodeLlama-34b_Python.hf", models / "compressed"
    outcome = compress()
    assert outcome.code == 0, outcome.error
    assert read_origin(compressed) is None
    record = read_compression(compressed)
    assert (record.scheme, record.recipe, record.recipe_digest) == ("W4A16", "sums", outcome.results["recipe-digest"])
    assert (record.calibration, record.samples, record.max_sequence_length) == (outcome.results["calibration"], 16, 64)
    assert record.source_digest == text_digest(manifest_path(model).read_text())
    sizes = [str(record.bytes_before), str(record.bytes_after)]
    assert sizes == [outcome.results["bytes-before"], outcome.results["bytes-after"]]
    assert set(record.versions) == {"llmcompressor", "compressed-tensors", "transformers", "torch"}
    # The same content from another repository is already compressed; only the recorded origin changes.
    source = {"repository": "example/mirror", "revision": "b" * 40, "files": []}
    (models / "CodeLlama-34b_Python.hf.source.json").write_text(json.dumps(source))
    assert compress().results["skipped"] == "true"
    assert read_origin(compressed) == Origin("example/mirror", "b" * 40)
    assert read_compression(compressed) == record


@pytest.mark.parametrize("method", ["awq", "compressed-tensors", "gptq"])
def test_a_quantized_model_is_refused(compress, models, method):
    config = models / "CodeLlama-34b_Python.hf" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "quantization_config": {"quant_method": method}}))
    write_manifest(config.parent)
    outcome = compress()
    assert outcome.code == 1
    assert f"is already quantized ({method})" in outcome.error
    assert names(models / "compressed") == set()


def test_its_own_output_is_refused_as_well(compress):
    assert compress().code == 0
    outcome = compress(MODEL_DIRECTORY="compressed", COMPRESSED_DIRECTORY="twice")
    assert "compressed is already quantized (compressed-tensors)" in outcome.error


def test_layers_that_do_not_fit_into_memory_are_read_from_disk(compress, models):
    in_memory = compress().results["manifest-digest"]
    outcome = compress(COMPRESSED_DIRECTORY="from-disk", CPU_MEMORY_BYTES="200000")
    assert outcome.code == 0, outcome.error
    assert "the rest on disk" in outcome.output
    assert outcome.results["manifest-digest"] == in_memory


def test_several_processes_share_the_calibration_data(compress, models):
    outcome = compress(GPUS="2", CALIBRATION_SAMPLES="64")
    assert outcome.code == 0, outcome.error
    assert outcome.output.count("quantizing: 7 of 7 layers") == 1
    assert answer(models / "compressed", "What is 7 plus 5?") == "12"


def test_a_model_without_a_chat_template_is_calibrated_on_plain_text(compress, models):
    model = models / "CodeLlama-34b_Python.hf"
    (model / "chat_template.jinja").unlink()
    write_manifest(model)
    rows = [{"messages": [{"role": "user", "content": f"What is {n} plus 1?"}]} for n in range(20)]
    (models / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (models / "chats.yaml").write_text(
        (HERE / "recipes" / "sums.yaml").read_text().replace("{ text: text }", "{ messages: messages }")
    )
    outcome = compress(RECIPE="chats.yaml", CALIBRATION_DATASET="chats.jsonl")
    assert outcome.code == 0, outcome.error
    assert outcome.results["calibration"].startswith("chats.jsonl@sha256:")


def test_an_interrupted_run_leaves_nothing_that_looks_complete(compress, models, tmp_path):
    environment = {
        **{name: os.environ[name] for name in ("PATH",)},
        "HOME": str(tmp_path),
        "PYTHONPATH": str(HERE.parent / "common"),
        "PYTHONDONTWRITEBYTECODE": "1",
        **parameters(models),
    }
    command = ["python3", str(HERE / "compress-model.py")]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    deadline = time.monotonic() + 100
    while not (models / "compressed.partial" / "model").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (models / "compressed").exists()
    assert not manifest_path(models / "compressed").exists()
    outcome = compress()
    assert outcome.results["skipped"] == "false"
    assert not (models / "compressed.partial").exists()
    assert answer(models / "compressed", "What is 7 plus 5?") == "12"


def test_a_failure_leaves_no_directory(compress, models):
    compress()
    (models / "bad.jsonl").write_text('{"words": "of another column"}\n')
    outcome = compress(CALIBRATION_DATASET="bad.jsonl")
    assert outcome.code == 1
    assert "lacks the column text; it has words" in outcome.error
    assert {path.name for path in models.iterdir()} == {
        "CodeLlama-34b_Python.hf",
        "CodeLlama-34b_Python.hf.sha256",
        "bad.jsonl",
    }


def test_a_changed_weight_is_found(compress, models):
    with (models / "CodeLlama-34b_Python.hf" / "model.safetensors").open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"\x01")
    outcome = compress()
    assert "model.safetensors differs from its manifest" in outcome.error


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"RECIPE": "awq"}, "RECIPE must be one of code, general, sums or a .yaml file"),
        ({"RECIPE": "missing.yaml"}, "is not a file of the workspace"),
        ({"CALIBRATION_SAMPLES": "many"}, "CALIBRATION_SAMPLES must be a number above 0"),
        ({"CALIBRATION_DATASET": "org/name@main"}, "40 hexadecimal digits"),
        ({"CALIBRATION_DATASET": "missing.jsonl"}, "does not exist"),
        ({"CALIBRATION_DATASET": "org/name@" + "a" * 40}, "cannot be fetched from http://127.0.0.1:9"),
        ({"MANIFEST_DIGEST": "sha256:0"}, "but MANIFEST_DIGEST is sha256:0"),
        ({"MODEL_DIRECTORY": "nothing"}, "was not downloaded completely"),
        ({"COMPRESSED_DIRECTORY": "CodeLlama-34b_Python.hf"}, "must be a different directory"),
    ],
)
def test_expected_errors_are_one_line(compress, changes, message):
    outcome = compress(**changes)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.count("\n") == 1
    assert outcome.results == {}


@pytest.fixture
def dataset(repositories, tmp_path) -> str:
    """A data set on the hub, at its commit."""
    rows = [{"problem": f"What is {n} plus 1?", "solution": str(n + 1)} for n in range(20)]
    files = {
        "data/train-0.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "README.md": "about",
        "large.bin": "x",
    }
    for name, text in files.items():
        (tmp_path / "dataset" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dataset" / name).write_text(text)
    commit = "d" * 40
    stored = {name: stored_file(tmp_path / "dataset" / name) for name in files}
    repositories["org/problems"] = Repository("org/problems", commit, False, {commit: stored})
    return f"org/problems@{commit}"


def test_calibration_data_of_the_hub_is_downloaded_at_its_commit(compress, models, hub, dataset):
    recipe = (HERE / "recipes" / "code.yaml").read_text()
    recipe = re.sub(r"dataset: .*", f"dataset: {dataset}", recipe)
    (models / "mine.yaml").write_text(re.sub(r"files: .*", "files: data/train-*.jsonl", recipe))
    outcome = compress(RECIPE="mine.yaml", HF_ENDPOINT=hub.url, HF_TOKEN="the-token")
    assert outcome.code == 0, outcome.error
    assert outcome.results["calibration"] == dataset
    assert {path.rpartition("/")[2] for _, path, _ in hub.requests if "/resolve/" in path} == {"train-0.jsonl"}
    hub.requests.clear()
    again = compress(RECIPE="mine.yaml", HF_ENDPOINT=hub.url, CALIBRATION_SAMPLES="8")
    assert (again.results["skipped"], hub.requests) == ("false", [])


def test_the_recipes_use_gptq_and_pinned_calibration_data():
    for recipe in (HERE / "recipes").glob("*.yaml"):
        text = recipe.read_text()
        assert "GPTQModifier" in text and "W4A16" in text and "lm_head" in text
        assert re.search(r"dataset: (\S+@[0-9a-f]{40}|sums\.jsonl)\n", text)
        # The compressed model must not be calibrated on the data that measures it.
        assert not re.search(r"dataset:.*(humaneval|mbpp)", text, re.IGNORECASE)


def test_available_memory_is_what_the_container_may_use(tmp_path):
    from quantize import available_memory

    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 500000\ninactive_file 200000\n")
    assert available_memory(tmp_path) == 500_000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(tmp_path) > 500_000
