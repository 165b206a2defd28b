"""The table of the compared models' origin, compression and measurements."""

from comparison import Comparison, Subject
from report_tables import NONE, Table, columns_of, usd


def provenance_table(comparison: Comparison) -> Table:
    found = [provenance_of(subject) for subject in comparison.subjects]
    rows = tuple(
        (label, *(part[label] or NONE for part in found)) for label in found[0] if any(part[label] for part in found)
    )
    columns = columns_of(comparison, "")
    return Table("Provenance", columns, rows, texts=len(columns))


def provenance_of(subject: Subject) -> dict[str, str]:
    """By label; "" if unknown."""

    def noted(*names: str, between: str = " ") -> str:
        return between.join(str(subject.properties[name]) for name in names if subject.properties.get(name))

    summary = subject.measurements.summary
    return {
        "Model": subject.title,
        "Source": noted("huggingface_model", "source_revision", between=" at "),
        "Recipe": noted("compression_scheme", "compression_recipe", "compression_recipe_digest", between=", "),
        "Calibration": calibration(subject),
        "LLM Compressor": noted("compression_llmcompressor_version"),
        "Manifest": noted("manifest_digest"),
        "Image": noted("image_digest"),
        "Served from": subject.served_from,
        "Registry version": f"id {subject.version_id}",
        "Imported by": run_of(noted("pipeline_run_name"), noted("pipeline_run_uid")),
        "Measured by": run_of(summary.get("test_pipeline_run_name", ""), summary.get("test_pipeline_run_uid", "")),
        "Measured at": str(summary.get("test_time", "")),
        "Endpoint": str(summary.get("test_endpoint", "")),
        "Hardware": subject.hardware,
        "Price per hour": usd(subject.hourly_usd) if subject.hourly_usd is not None else "",
        "lm-evaluation-harness": str(summary.get("test_lm_eval_version", "")),
        "GuideLLM": str(summary.get("test_guidellm_version", "")),
        "Files": subject.artifacts_uri,
    }


def run_of(name: str, uid: str) -> str:
    return f"{name} (uid {uid})" if name and uid else name or uid


def calibration(subject: Subject) -> str:
    data = subject.properties.get("compression_calibration")
    if not data:
        return ""
    samples, length = (
        subject.properties.get(f"compression_{name}", "?") for name in ("calibration_samples", "max_sequence_length")
    )
    return f"{data}, {samples} samples of up to {length} tokens"
