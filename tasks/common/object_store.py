"""Access to a bucket of an S3 service: credentials, retries, and one-line errors."""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

import certifi
import urllib3
from minio import Minio
from minio.error import S3Error
from task_support import Parameters


@dataclass(frozen=True)
class Bucket:
    endpoint: str
    name: str
    access_key: str
    secret_key: str


def read_bucket(parameters: Parameters) -> Bucket:
    """Reads S3_ENDPOINT, S3_BUCKET, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."""
    return Bucket(
        endpoint=parameters.required("S3_ENDPOINT", r"https?://[^/]+/?", "http(s)://host:port without a path"),
        name=parameters.required("S3_BUCKET", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket"),
        access_key=parameters.secret("AWS_ACCESS_KEY_ID"),
        secret_key=parameters.secret("AWS_SECRET_ACCESS_KEY"),
    )


def connect(bucket: Bucket) -> Minio:
    """A client that retries when the service is busy, and trusts the authorities in SSL_CERT_FILE."""
    url = urlsplit(bucket.endpoint)
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=10, read=120),
        retries=urllib3.Retry(total=4, backoff_factor=0.5, status_forcelist=[500, 502, 503, 504]),
        maxsize=10,
        ca_certs=os.environ.get("SSL_CERT_FILE", certifi.where()),
    )
    return Minio(
        url.netloc,
        access_key=bucket.access_key,
        secret_key=bucket.secret_key,
        secure=url.scheme == "https",
        http_client=pool,
    )


def explain(bucket: Bucket, place: str, error: Exception) -> str | None:
    """One line for an error with a known cause, None for others; `place` is a prefix in the bucket."""
    where = f"bucket {bucket.name} at {bucket.endpoint}"
    match error:
        case S3Error(code="InvalidAccessKeyId" | "SignatureDoesNotMatch"):
            return f"{where} refuses the credentials ({error.code}): check the secret's AWS_ACCESS_KEY_ID and key"
        case S3Error(code="AccessDenied"):
            return f"{where} denies access to {place}: give these credentials read, write and delete there"
        case S3Error(code="NoSuchBucket"):
            return f"{where} does not exist: create it, or check S3_BUCKET"
        case S3Error(code="XMinioStorageFull"):
            return f"{where} is full: enlarge its storage"
        case S3Error():
            return f"{where} answered {error.code}: {error.message}"
        case urllib3.exceptions.HTTPError():
            return f"{where} cannot be reached: {error}"
    return None
