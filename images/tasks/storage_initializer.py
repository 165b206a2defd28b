"""KServe's storage initializer, by KServe's own download code (the kserve-storage package).

KServe starts it as the init container of a predictor, with pairs of arguments: a source URI and the directory
to fill from it. Credentials and endpoint come from the environment that KServe sets. Only s3:// is supported:
the packages for other clouds are not in this image.

usage: storage_initializer.py SOURCE_URI DIRECTORY [SOURCE_URI DIRECTORY]...
"""

import sys
import time
from pathlib import Path

USAGE = "usage: storage_initializer.py SOURCE_URI DIRECTORY [SOURCE_URI DIRECTORY]..."


def downloads(arguments: list[str]) -> list[tuple[str, str]]:
    """The pairs of source and directory that the arguments name; ValueError says what is wrong with them."""
    if not arguments or len(arguments) % 2:
        raise ValueError(USAGE)
    pairs = list(zip(arguments[::2], arguments[1::2], strict=True))
    for source, _ in pairs:
        if not source.startswith("s3://"):
            raise ValueError(f"{source}: this storage initializer downloads s3:// only")
    return pairs


def main() -> int:
    from kserve_storage import Storage, configure_logging

    try:
        pairs = downloads(sys.argv[1:])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    configure_logging()
    for source, directory in pairs:
        started = time.monotonic()
        try:
            Storage.download(source, directory)
        except Exception as error:  # noqa: BLE001 the packages below raise many kinds; KServe shows the last line
            print(f"{source}: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
        files = [file for file in Path(directory).rglob("*") if file.is_file()]
        total = sum(file.stat().st_size for file in files)
        seconds = time.monotonic() - started
        print(f"{source}: {len(files)} files, {total} bytes in {seconds:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
