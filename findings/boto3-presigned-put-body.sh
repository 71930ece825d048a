#!/usr/bin/env bash
# Guessed: a presigned URL for a PUT that is given the body, too, ignores it or signs its digest, as the SDK for JavaScript does.
# Seen: boto3 1.44.8 (botocore 1.44.8) takes each line of the body for a query parameter. A line of two bytes becomes one, number by number:
#   b"hi" gives a URL with `104=105`. A line of any other length raises "dictionary update sequence element #0 has length 5; 2 is
#   required", which names neither the body nor the parameter. A file object has been read on the way.
# For users: give `generate_presigned_url` the parameters of the object without `Body`.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet boto3==1.44.8 botocore==1.44.8
cat >run.py <<'PY'
import io
from urllib.parse import parse_qsl, urlsplit

import boto3
from botocore.client import Config

s3 = boto3.client(
    "s3", region_name="us-east-1", endpoint_url="http://127.0.0.1:1",
    aws_access_key_id="key", aws_secret_access_key="secret", config=Config(signature_version="s3v4"),
)


def presigned(body):
    """The query of the URL but what signs it, or the error."""
    try:
        url = s3.generate_presigned_url("put_object", Params={"Bucket": "bucket", "Key": "key", "Body": body})
    except ValueError as error:
        return str(error)
    return [pair for pair in parse_qsl(urlsplit(url).query) if not pair[0].startswith("X-Amz-")]


file = io.BytesIO(b"hello")
seen = {"empty": presigned(b""), "hi": presigned(b"hi"), "two lines": presigned(b"a\nhi"), "hello": presigned(b"hello"), "file": presigned(file)}
for body, query in seen.items():
    print(f"{body}: {query}")
print("left to read of the file:", rest := file.read())
refusal = "dictionary update sequence element #0 has length 5; 2 is required"
assert seen == {"empty": [], "hi": [("104", "105")], "two lines": [("97", "10"), ("104", "105")], "hello": refusal, "file": refusal}, seen
assert rest == b"", rest
PY
venv/bin/python run.py
