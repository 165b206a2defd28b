"""Makes the bucket S3_BUCKET at the MinIO S3_ENDPOINT and a user for each job: one that writes it, one that reads it.

What is there already is brought to what is wanted: a user gets the password and the policy given here, whatever they were.
"""

import json
import os
from urllib.parse import urlsplit

from minio import Minio, MinioAdmin
from minio.credentials import StaticProvider

OF_BUCKET = ["s3:GetBucketLocation", "s3:ListBucket"]
OF_WRITTEN_BUCKET = [*OF_BUCKET, "s3:ListBucketMultipartUploads"]
READ = ["s3:GetObject"]
WRITE = [*READ, "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]


def policy(bucket: str, of_bucket: list[str], of_objects: list[str]) -> dict:
    """A policy for one bucket and nothing else."""
    resource = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": of_bucket, "Resource": [resource]},
            {"Effect": "Allow", "Action": of_objects, "Resource": [f"{resource}/*"]},
        ],
    }


def make_bucket(client: Minio, bucket: str) -> None:
    if client.bucket_exists(bucket):
        print(f"bucket {bucket} is there already")
    else:
        client.make_bucket(bucket)
        print(f"bucket {bucket} made")


def set_user(admin: MinioAdmin, user: str, password: str, rights: dict) -> None:
    """The policy has the user's name. It comes first, so that the user never has another one's rights."""
    admin.policy_add(user, policy=rights)
    known = user in json.loads(admin.user_list())
    admin.user_add(user, password)
    admin.policy_set(user, user=user)
    print(f"user {user} {'brought up to date' if known else 'made'}")


def main() -> None:
    endpoint = urlsplit(os.environ["S3_ENDPOINT"])
    bucket, region = os.environ["S3_BUCKET"], os.environ["S3_REGION"]
    root, password = os.environ["MINIO_ROOT_USER"], os.environ["MINIO_ROOT_PASSWORD"]
    secure = endpoint.scheme == "https"
    make_bucket(Minio(endpoint.netloc, root, password, secure=secure, region=region), bucket)
    login = StaticProvider(root, password)
    admin = MinioAdmin(endpoint=endpoint.netloc, credentials=login, region=region, secure=secure)
    writer = policy(bucket, OF_WRITTEN_BUCKET, WRITE)
    set_user(admin, os.environ["PIPELINE_USER"], os.environ["PIPELINE_PASSWORD"], writer)
    reader = policy(bucket, OF_BUCKET, READ)
    set_user(admin, os.environ["SERVING_USER"], os.environ["SERVING_PASSWORD"], reader)


if __name__ == "__main__":
    main()
