"""An emulated Firestore under security rules, asked over REST as anybody.

Tokens are unsigned, which the emulator accepts; that real ones are verified is Firebase's own
work. Writes past the rules carry the emulator's `owner` token.
"""

import base64
import http.client
import json
from collections.abc import Mapping
from typing import Any

Claims = dict[str, Any]
"""What a Firebase ID token says of its user."""

READS_OF_ONE = ("get", "batch get")
READS_OF_MANY = ("list", "query", "group query", "count")
WRITES = ("create", "update", "delete")
OPERATIONS = (*READS_OF_ONE, *READS_OF_MANY, *WRITES)


class Database:
    """The emulated database of one project, over REST and as anybody."""

    def __init__(self, host: str, project: str) -> None:
        self._connection = http.client.HTTPConnection(host, timeout=20)
        self.project = project
        self._root = f"projects/{project}/databases/(default)/documents"

    def rules(self, text: str) -> None:
        """Put rules in force."""
        assert self.takes(text), text

    def takes(self, text: str) -> bool:
        """Put rules in force; return whether they can be."""
        body = {"rules": {"files": [{"name": "firestore.rules", "content": text}]}}
        status, answer = self._send(
            "PUT", f"/emulator/v1/projects/{self.project}:securityRules", body, None
        )
        assert status in {200, 400}, answer
        return status == 200

    def coverage(self) -> list[dict[str, Any]]:
        """Return what the rules' expressions were seen to be since they were put in force."""
        status, answer = self._send(
            "GET", f"/emulator/v1/projects/{self.project}:ruleCoverage", None, None
        )
        assert status == 200
        report: list[dict[str, Any]] = answer.get("report", [])
        return report

    def seed(self, documents: Mapping[str, Mapping[str, str]]) -> None:
        """Write documents with their fields, past the rules."""
        writes = []
        for path, texts in documents.items():
            fields = {name: {"stringValue": text} for name, text in texts.items()}
            writes.append({"update": {"name": f"{self._root}/{path}", "fields": fields}})
        status, answer = self._send(
            "POST", f"/v1/{self._root}:commit", {"writes": writes}, "owner"
        )
        assert status == 200, answer

    def may(self, claims: Claims | None, operation: str, path: str) -> bool:
        """Return whether somebody may do this to the document, or to its collection."""
        token = None if claims is None else _unsigned(claims, self.project)
        method, url, body = self._request(operation, path)
        status, answer = self._send(method, url, body, token)
        if status == 403:
            return False
        # Let in, and found nothing (404), or what an earlier operation had made (409).
        assert status in {200, 404, 409}, f"{claims} {operation} {path}: {status} {answer}"
        return True

    def may_write(
        self, claims: Claims | None, way: str, path: str, texts: Mapping[str, str]
    ) -> bool:
        """Return whether somebody may write these fields, in one of four ways."""
        name = f"{self._root}/{path}"
        fields = {field: {"stringValue": text} for field, text in texts.items()}
        written: dict[str, Any] = {"update": {"name": name, "fields": fields}}
        writes = {
            "create": [{**written, "currentDocument": {"exists": False}}],
            "update": [written],
            "merge": [{**written, "updateMask": {"fieldPaths": [*texts]}}],
            "delete and create": [{"delete": name}, written],
        }[way]
        token = None if claims is None else _unsigned(claims, self.project)
        status, answer = self._send(
            "POST", f"/v1/{self._root}:commit", {"writes": writes}, token
        )
        assert status in {200, 403, 409}, answer
        return status != 403

    def _request(self, operation: str, path: str) -> tuple[str, str, object]:
        parent, _, collection = path.rpartition("/")[0].rpartition("/")
        name = f"{self._root}/{path}"
        fields = {"owner_uid": {"stringValue": "owner"}, "role": {"stringValue": "admin"}}
        above = f"/v1/{self._root}" + (f"/{parent}" if parent else "")
        match operation:
            case "get":
                return "GET", f"/v1/{name}", None
            case "batch get":
                return "POST", f"/v1/{self._root}:batchGet", {"documents": [name]}
            case "list":
                return "GET", f"{above}/{collection}", None
            case "query" | "group query" | "count":
                is_group = operation == "group query"
                chosen = {"collectionId": collection, "allDescendants": is_group}
                asked = {"structuredQuery": {"from": [chosen], "where": _mine()}}
                within = f"/v1/{self._root}" if is_group else above
                if operation != "count":
                    return "POST", f"{within}:runQuery", asked
                counted = {**asked, "aggregations": [{"count": {}, "alias": "n"}]}
                body = {"structuredAggregationQuery": counted}
                return "POST", f"{within}:runAggregationQuery", body
            case "create":
                write = {"update": {"name": f"{name}-new", "fields": fields}}
                writes = [{**write, "currentDocument": {"exists": False}}]
                return "POST", f"/v1/{self._root}:commit", {"writes": writes}
            case "update":
                writes = [{"update": {"name": name, "fields": fields}}]
                return "POST", f"/v1/{self._root}:commit", {"writes": writes}
        assert operation == "delete"
        return "DELETE", f"/v1/{name}", None

    def _send(
        self, method: str, url: str, body: object, token: str | None
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        text = None if body is None else json.dumps(body)
        self._connection.request(
            method, url.replace("(", "%28").replace(")", "%29"), text, headers
        )
        response = self._connection.getresponse()
        answer = json.loads(response.read() or b"{}")
        if isinstance(answer, list):  # streamed answers come as a list; an error is its first
            answer = answer[0] if answer else {}
        return response.status, answer

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _mine() -> dict[str, Any]:
    """Return the filter that a client would try, to list only what the rules let it get."""
    return {
        "fieldFilter": {
            "field": {"fieldPath": "owner_uid"},
            "op": "EQUAL",
            "value": {"stringValue": "owner"},
        }
    }


def _unsigned(claims: Claims, project: str) -> str:
    issued = {"aud": project, "iss": f"https://securetoken.google.com/{project}", "iat": 1}
    header = {"alg": "none", "typ": "JWT"}
    payload = {**issued, "user_id": claims["sub"], **claims}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in (header, payload)
    ]
    return ".".join([*parts, ""])
