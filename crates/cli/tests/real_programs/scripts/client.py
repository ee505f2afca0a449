"""Sends the requests of a list with httpx and prints what came back.

Usage: client.py BASE_URL REQUESTS_FILE FOLDER
"""

import json
import sys
from pathlib import Path

import httpx

BASE, REQUESTS, FOLDER = sys.argv[1], sys.argv[2], Path(sys.argv[3])


def parts(body):
    for at in range(0, len(body), 70_000):
        yield body[at : at + 70_000]


def content(request):
    if request["body"] is None:
        return None
    body = Path(request["body"]).read_bytes()
    return parts(body) if request["chunked"] else body


answers = []
with httpx.Client(base_url=BASE, timeout=15, trust_env=False) as client:
    for number, request in enumerate(json.loads(Path(REQUESTS).read_text())):
        answer = client.request(
            request["method"],
            request["path"],
            headers={"Accept-Encoding": "identity", **dict(request["fields"])},
            content=content(request),
        )
        body = FOLDER / f"httpx-{number}"
        body.write_bytes(answer.content)
        fields = [[name.lower(), value] for name, value in answer.headers.multi_items()]
        answers.append({"status": answer.status_code, "fields": fields, "body": str(body)})
print(json.dumps(answers))
