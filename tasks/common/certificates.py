"""Trust in private certificate authorities. TLS is never turned off."""

import os
import tempfile
from pathlib import Path

import certifi
from task_support import TaskError

SUFFIXES = (".crt", ".pem")


def trust(directory: str) -> None:
    """Makes this process and those it starts trust the certificates in a mounted ConfigMap, besides the public ones.

    SSL_CERT_FILE is what httpx, aiohttp and OpenSSL read, REQUESTS_CA_BUNDLE what requests reads. An empty directory
    name changes nothing.
    """
    if not directory:
        return
    files = sorted(file for file in Path(directory).iterdir() if file.suffix in SUFFIXES)
    if not files:
        raise TaskError(f"{directory} has no file that ends in .crt or .pem: bind a ConfigMap with the authority's")
    bundle = Path(tempfile.gettempdir(), "trusted-ca.pem")
    bundle.write_bytes(b"\n".join(file.read_bytes() for file in [Path(certifi.where()), *files]))
    os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = str(bundle)


def explain_certificate(where: str, reason: str) -> str:
    return f"{where} has a certificate that is not trusted ({reason}): bind its authority to the workspace trusted-ca"
