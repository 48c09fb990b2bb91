"""A ``SecureFileSharing`` on an emulator, behind a front that browsers reach by the names of AWS."""

import json
import time
import urllib.parse
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from cloudpatterns.systems import SecureFileSharing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from offline_preview.graph import Graph, Resource

from tests.emulators import node_lambda
from tests.emulators.apis import serve_rest
from tests.emulators.deployed import Deployed
from tests.emulators.ministack import MiniStack, ministack
from tests.emulators.users import Directory, put_users, sign_in
from tests.emulators.viewers import Host, Request, Response, fetch, forwarded, front, private_files, site, uploads
from tests.harness import record
from tests.program import ROOT

SITE, FILES = "https://share.example.com", "https://files.example.com"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:signing-a1b2c3"
ADA, BOB = "ada@example.com", "bob@example.com"
BUCKET = "aws:s3/bucket:Bucket"


def key_pair() -> tuple[str, str]:
    """The public and the private key as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
    return public, private


def arguments(public_key: str, **args: Any) -> Any:
    """The least that a system needs, and more."""
    return {
        "site_domain_name": "share.example.com",
        "files_domain_name": "files.example.com",
        "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
        "users": {"domain_prefix": "example-login"},
        "signing_keys": {"a": {"public_key": public_key, "private_key_secret_arn": SECRET}},
        "account_logging_role": "existing",
        **args,
    }


def make(public_key: str, mode: Any = "deployed", name: str = "sharing", **args: Any) -> Graph:
    """The graph of a system."""
    return record(lambda: SecureFileSharing(name, arguments(public_key, **args)), mode=mode)


@dataclass
class Sharing:
    """The running system."""

    emulator: MiniStack
    graph: Graph
    directory: Directory
    client_id: str
    api: str
    port: int = 0
    seen: list[str] = field(default_factory=list)
    """What became of the requests for files."""
    late_seconds: float = 0
    """How much later it is for CloudFront."""

    @property
    def bucket(self) -> str:
        """The bucket of files."""
        return self.graph.one("cloudpatterns:index:SecureFileSharing").outputs["files_bucket_name"]

    def now(self) -> float:
        """The time at the distribution."""
        return time.time() + self.late_seconds

    def scan(self, result: str = "NO_THREATS_FOUND") -> list[str]:
        """Tags what has no tag yet, as GuardDuty does."""
        s3, found = self.emulator.client("s3"), []
        for one in s3.list_objects_v2(Bucket=self.bucket).get("Contents", []):
            if not s3.get_object_tagging(Bucket=self.bucket, Key=one["Key"])["TagSet"]:
                tags = {"TagSet": [{"Key": "GuardDutyMalwareScanStatus", "Value": result}]}
                s3.put_object_tagging(Bucket=self.bucket, Key=one["Key"], Tagging=tags)
                found.append(one["Key"])
        return found

    def token(self, email: str) -> str:
        """An access token of a user."""
        return sign_in(self.directory, self.client_id, f"{SITE}/", email)["access_token"]

    def call(self, method: str, path: str, token: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """A request to the API, as the site sends it: status and body."""
        response = self.request(method, path, token, body, Accept="application/json", Origin=SITE, **headers)
        return response.status, json.loads(response.body)

    def request(self, method: str, path: str, token: str, body: Any = None, **headers: str) -> Response:
        """A request to the API."""
        return fetch(self.port, f"{self.api}{path}", method, body, {"Authorization": f"Bearer {token}", **headers})

    def send(self, token: str, content: bytes = b"hello", content_type: str = "text/plain", name: str = "note.txt") -> tuple[int, str]:
        """Uploads a file by a form: the status of S3, and the key."""
        status, form = self.call("POST", "/uploads", token, {"content_type": content_type, "file_name": name, "redirect": False})
        assert status == 201, form
        boundary = uuid4().hex
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}\r\n' for key, text in form["fields"].items()]
        file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: {content_type}\r\n\r\n'
        data = "".join([*parts, file]).encode() + content + f"\r\n--{boundary}--\r\n".encode()
        parsed = urllib.parse.urlsplit(form["url"])
        send = forwarded(self.emulator, f"/{self.bucket}")
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        return send(Request("POST", parsed.netloc, "/", headers, data)).status, form["key"]

    def share(self, token: str, **more: Any) -> dict[str, Any]:
        """Uploads a clean file and shares it; ``link`` is the token of the link."""
        status, key = self.send(token)
        assert status == 201
        self.scan()
        status, share = self.call("POST", "/shares", token, {"key": key, "file_name": "note.txt", "size_bytes": 5, **more})
        assert status == 201, share
        return {**share, "link": share["url"].partition("#")[2], "key": key}


@contextmanager
def sharing(folder: Path, **args: Any) -> Generator[Sharing]:
    """The system on an emulator of its own, with the users Ada and Bob."""
    public, private = key_pair()
    with ministack() as emulator:
        graph = make(public, **args)
        directory = put_users(emulator, graph)
        for email in (ADA, BOB):
            directory.invite(email)
        client = graph.named("sharing-users-client-site")
        client_id = directory.client_ids[client.name]
        pool = graph.one("aws:cognito/userPool:UserPool")
        arn = f"arn:aws:cognito-idp:eu-west-1:000000000000:userpool/{directory.pool_id}"
        real = {pool.outputs["arn"]: arn, pool.outputs["id"]: directory.pool_id, client.id: client_id}
        graph = _with_stubs(_renamed(graph, real))
        secrets = json.dumps({SECRET: private})
        deployed = Deployed(graph, emulator.client, folder=ROOT, environment={"AWS_ENDPOINT_URL": emulator.url, "TEST_SECRETS": secrets})
        _put_objects(emulator, graph)
        outputs = graph.one("cloudpatterns:index:SecureFileSharing").outputs
        system = Sharing(emulator, graph, directory, client_id, outputs["api_url"].rstrip("/"))
        with front(_hosts(system, serve_rest(emulator, deployed.graph), outputs), folder) as port:
            system.port = port
            yield system


def _hosts(system: Sharing, api: str, outputs: Mapping[str, Any]) -> dict[str, Host]:
    emulator, graph = system.emulator, system.graph
    address = urllib.parse.urlsplit(system.api)
    bucket = graph.named("sharing-uploads-files-bucket").outputs["bucketRegionalDomainName"]
    gateway = forwarded(emulator, f"/_aws/execute-api/{api}", strip=address.path)

    def signed_for_aws(request: Request) -> Response:
        # Functions sign for the emulator's address; what they signed has none in it.
        response = gateway(request)
        response.body = response.body.replace(f"{emulator.url}/{system.bucket}".encode(), f"https://{bucket}/".encode())
        return response

    keys = {key.id: key.inputs["encodedKey"] for key in graph.of_type("aws:cloudfront/publicKey:PublicKey")}
    code = graph.one("aws:cloudfront/function:Function").inputs["code"]
    headers = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
    pages = outputs["site_bucket_name"]
    return {
        "share.example.com": site(emulator, pages, code, graph.one(headers, "sharing-site-cdn-headers"), "404.html"),
        "files.example.com": private_files(
            emulator, system.bucket, keys, graph.one(headers, "sharing-files-cdn-headers"), system.now, system.seen
        ),
        address.netloc: signed_for_aws,
        urllib.parse.urlsplit(outputs["login_url"]).netloc: forwarded(emulator),
        bucket: uploads(emulator, system.bucket, graph.one("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration").inputs),
    }


def _put_objects(emulator: MiniStack, graph: Graph) -> None:
    s3 = emulator.client("s3")
    for name in ("sharing-uploads-files-bucket", "sharing-site-site-bucket"):
        place = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket=graph.named(name).outputs["bucket"], CreateBucketConfiguration=place)
    for page in graph.of_type("aws:s3/bucketObjectv2:BucketObjectv2"):
        source = page.inputs["source"]
        body = (ROOT / source["path"]).read_bytes() if "path" in source else source["text"].encode()
        s3.put_object(
            Bucket=page.inputs["bucket"],
            Key=page.inputs["key"],
            Body=body,
            ContentType=page.inputs["contentType"],
            CacheControl=page.inputs["cacheControl"],
        )


def _renamed(graph: Graph, real: Mapping[str, str]) -> Graph:
    """The graph with what the emulator gave in place of what the recorder invented."""

    def change(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: change(part) for key, part in value.items()}
        if isinstance(value, list):
            return [change(part) for part in value]
        if isinstance(value, str):
            for invented, found in real.items():
                value = value.replace(invented, found)
        return value

    return Graph(
        graph.project, graph.stack, [replace(one, inputs=change(one.inputs), outputs=change(one.outputs)) for one in graph.resources]
    )


def _with_stubs(graph: Graph) -> Graph:
    """The function that signs gets a client of Secrets Manager, which Lambda's Node.js has by itself."""

    def change(resource: Resource) -> Resource:
        if resource.type != "aws:lambda/function:Function" or not resource.inputs["runtime"].startswith("nodejs"):
            return resource
        code = resource.inputs["code"]
        files = {name: {"text": text} for name, text in node_lambda.secrets_client().items()}
        return replace(resource, inputs={**resource.inputs, "code": {**code, "assets": {**code["assets"], **files}}})

    return Graph(graph.project, graph.stack, [change(one) for one in graph.resources])
