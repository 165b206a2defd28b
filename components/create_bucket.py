"""Makes the bucket S3_BUCKET at S3_ENDPOINT, unless it is there already."""

import os
from urllib.parse import urlsplit

from minio import Minio

endpoint = urlsplit(os.environ["S3_ENDPOINT"])
bucket = os.environ["S3_BUCKET"]
client = Minio(
    endpoint.netloc,
    access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    secure=endpoint.scheme == "https",
)
if client.bucket_exists(bucket):
    print(f"bucket {bucket} is there already")
else:
    client.make_bucket(bucket)
    print(f"bucket {bucket} made")
