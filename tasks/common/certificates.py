"""Trust in private certificate authorities. TLS is never turned off."""

import os
import tempfile
from pathlib import Path

import certifi
from task_support import TaskError

SUFFIXES = (".crt", ".pem")


def trust(directory: str, service_authority: str = "") -> None:
    """Makes this process and its children trust private authorities, in addition to the public ones.

    The directory is a mounted ConfigMap with *.crt or *.pem; service_authority is the certificate file of OpenShift's
    authority for Services, which other clusters do not have. Without either nothing changes. httpx, aiohttp and OpenSSL
    read SSL_CERT_FILE; requests reads REQUESTS_CA_BUNDLE.
    """
    files = [Path(service_authority)] if Path(service_authority).is_file() else []
    if directory:
        chosen = sorted(file for file in Path(directory).iterdir() if file.suffix in SUFFIXES)
        if not chosen:
            raise TaskError(f"{directory} has no file that ends in .crt or .pem: bind a ConfigMap with the authority's")
        files += chosen
    if not files:
        return
    bundle = Path(tempfile.gettempdir(), "trusted-ca.pem")
    bundle.write_bytes(b"\n".join(file.read_bytes() for file in [Path(certifi.where()), *files]))
    os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = str(bundle)


def explain_certificate(where: str, reason: str) -> str:
    return f"{where} has a certificate that is not trusted ({reason}): bind its authority to the workspace trusted-ca"
