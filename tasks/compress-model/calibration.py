"""Calibration data: rows of a data set as token ids, in the form of the model's later prompts."""

from pathlib import Path
from typing import Any

from datasets import Dataset, load_dataset
from task_support import TaskError
from transformers import PreTrainedTokenizerBase

SEED = 42
FORMATS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".csv": "csv"}


def read_rows(paths: list[Path], columns: dict[str, str]) -> Dataset:
    """All rows of the files, which must have the same format and the given columns."""
    formats = {FORMATS.get(path.suffix) for path in paths}
    if len(formats) != 1 or None in formats:
        raise TaskError(f"calibration data must be {', '.join(FORMATS)} files of one kind, not {paths[0].name}")
    rows = load_dataset(formats.pop(), data_files=[str(path) for path in paths], split="train")
    missing = set(columns.values()) - set(rows.column_names)
    if missing:
        raise TaskError(
            f"the calibration data lacks the column {', '.join(sorted(missing))}; it has {', '.join(rows.column_names)}"
        )
    return rows


def row_text(row: dict[str, Any], columns: dict[str, str], tokenizer: PreTrainedTokenizerBase) -> tuple[str, bool]:
    """A row's text, and whether it already has its special tokens, which a chat template adds."""
    if "text" in columns:
        return row[columns["text"]], False
    if "messages" in columns:
        messages = row[columns["messages"]]
    else:
        roles = {"user": "prompt", "assistant": "completion"}
        messages = [{"role": role, "content": row[columns[column]]} for role, column in roles.items()]
    if tokenizer.chat_template:
        return tokenizer.apply_chat_template(messages, tokenize=False), True
    return "\n".join(message["content"] for message in messages), False


def calibration_data(
    paths: list[Path], columns: dict[str, str], tokenizer: PreTrainedTokenizerBase, samples: int, length: int
) -> Dataset:
    """At most `samples` rows in a fixed random order, each cut to `length` tokens."""
    rows = read_rows(paths, columns).shuffle(seed=SEED)
    rows = rows.select(range(min(samples, len(rows))))

    def tokens(row: dict[str, Any]) -> dict[str, list[int]]:
        text, complete = row_text(row, columns, tokenizer)
        # Cut here and not by the tokenizer, which would save the length in its settings.
        ids = tokenizer(text, add_special_tokens=not complete)["input_ids"][:length]
        return {"input_ids": ids, "attention_mask": [1] * len(ids)}

    data = rows.map(tokens, remove_columns=rows.column_names)
    data = data.filter(lambda row: len(row["input_ids"]) > 1)
    if len(data) == 0:
        raise TaskError("the calibration data has no row with text")
    if len(data) < samples:
        print(f"the calibration data has {len(data)} rows, fewer than CALIBRATION_SAMPLES {samples}", flush=True)
    return data
