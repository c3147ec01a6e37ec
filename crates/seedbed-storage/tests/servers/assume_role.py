"""Temporary keys from an S3 service's STS: `assume_role.py PORT KEY SECRET ROLE…` prints, as a line of JSON for each
role, what a DAAC's /s3credentials would say. The request is signed by hand (AWS Signature Version 4)."""

import datetime
import hashlib
import hmac
import json
import re
import sys
import urllib.parse
import urllib.request


def assume(port, key, secret, role):
    host, now = f"127.0.0.1:{port}", datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    query = {"Action": "AssumeRole", "Version": "2011-06-15", "RoleSessionName": "session", "DurationSeconds": "900"}
    body = urllib.parse.urlencode({**query, "RoleArn": f"arn:aws:iam::role/{role}"}).encode()
    digest = hashlib.sha256(body).hexdigest()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "host": host,
        "x-amz-content-sha256": digest,
        "x-amz-date": now,
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = "\n".join(["POST", "/", "", lines, names, digest])
    scope = f"{now[:8]}/us-east-1/sts/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signing = ("AWS4" + secret).encode()
    for word in scope.split("/"):
        signing = hmac.digest(signing, word.encode(), "sha256")
    signature = hmac.digest(signing, text.encode(), "sha256").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
    request = urllib.request.Request(f"http://{host}/", body, {**headers, "authorization": credential})
    xml = urllib.request.urlopen(request, timeout=20).read().decode()

    def word(tag):
        return re.search(f"<{tag}>(.*?)</{tag}>", xml).group(1)

    return {
        "accessKeyId": word("AccessKeyId"),
        "secretAccessKey": word("SecretAccessKey"),
        "sessionToken": word("SessionToken"),
        "expiration": word("Expiration"),
    }


for role in sys.argv[4:]:
    print(json.dumps(assume(*sys.argv[1:4], role)))
