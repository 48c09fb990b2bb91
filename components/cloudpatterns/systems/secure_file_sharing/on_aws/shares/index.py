"""Creates, lists and revokes links to uploads, and answers whoever follows one.

It answers requests of a REST API (proxy integration). Those of ``/shares`` and ``/fetches`` have the user pool's authorizer, those of
``/link`` this function itself: the token in their header ``Authorization`` is what opens a link. The table has a hash of the token, and so
it opens nothing. A file is fetched from CloudFront by a URL that holds for seconds; each is recorded first, in one transaction with the
count of the link.

Environment: TABLE, BUCKET, PREFIX (where the uploads are), SIGN_FUNCTION_ARN, URL_SECONDS, DEFAULT_HOURS, MAX_HOURS, AUDIT_DAYS, SITE_URL
and USER_POOL_ID.
"""

import base64
import hashlib
import json
import logging
import os
import re
import secrets
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

_LOG = logging.getLogger()
_LOG.setLevel(logging.INFO)
_SHARE, _FETCH = "share", "fetch#"
_PAGE = 25
_MOST_FETCHES_SHOWN = 100
_MOST_RECIPIENTS = 50
_ATTEMPTS = 4
_LONGEST_SCAN_SECONDS = 900
_UNKNOWN = "there is no such link"
_NO_UPLOAD = "there is no such upload"
_NO_OBJECT = "the body must be a JSON object"
_ENDED = {
    "revoked": (410, "the link was revoked"),
    "expired": (410, "the link has expired"),
    "gone": (410, "the file was deleted"),
    "used_up": (410, "the link was used as often as it may be"),
    "refused": (410, "the file was refused: the scan found a threat, or could not read it"),
    "scanning": (409, "the file is being scanned; try again in a moment"),
    "foreign": (403, "the link is for other people"),
    "sign_in": (403, "sign in to open the link"),
}


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str, state: str = "") -> None:
        super().__init__(message)
        self.status, self.state = status, state


class Clients(NamedTuple):
    """Clients of AWS."""

    dynamodb: Any
    s3: Any
    functions: Any
    users: Any


class Viewer(NamedTuple):
    """Who follows a link: their id and name where they have signed in, and where they come from."""

    user_id: str
    user_name: str
    ip: str
    agent: str


_connected: list[Clients] = []


def handler(event: Mapping[str, Any], _context: object, clients: Clients | None = None) -> dict[str, Any]:
    """The entry point."""
    if event.get("type") == "REQUEST" and "methodArn" in event:
        return _authorize(event, clients or _clients())
    try:
        return _route(event, clients or _clients())
    except Refusal as refusal:
        return _answer(event, refusal.status, {"message": str(refusal), **({"state": refusal.state} if refusal.state else {})})


def _clients() -> Clients:
    if not _connected:
        _connected.append(Clients(*(boto3.client(service) for service in ("dynamodb", "s3", "lambda", "cognito-idp"))))
    return _connected[0]


def _route(event: Mapping[str, Any], clients: Clients) -> dict[str, Any]:
    match f"{event['httpMethod']} {event['resource']}":
        case "POST /shares":
            return _answer(event, 201, _create(event, clients))
        case "GET /shares":
            return _answer(event, 200, _list(event, clients))
        case "DELETE /shares/{id}":
            return _answer(event, 200, _revoke(event, clients))
        case "GET /shares/{id}/fetches":
            return _answer(event, 200, _fetches(event, clients))
        case "GET /link":
            return _answer(event, 200, _view(_followed(event, clients), clients))
        case "POST /link/fetches":
            return _sent(event, _fetch(_followed(event, clients), _viewer(event), clients))
        case "POST /fetches":
            return _sent(event, _fetch(_share(_request(event).get("token"), clients), _viewer(event), clients))
    raise Refusal(404, "there is no such route")


def _authorize(event: Mapping[str, Any], clients: Clients) -> dict[str, Any]:
    """Whether the token of a request opens a link; what has become of the link is for the route to say."""
    token = _header(event, "authorization").removeprefix("Bearer ")
    share = _share_of(token, clients)
    statement = {"Effect": "Deny" if share is None else "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
    return {
        "principalId": "nobody" if share is None else share["id"],
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {} if share is None else {"share_id": share["id"]},
    }


def _create(event: Mapping[str, Any], clients: Clients) -> dict[str, Any]:
    owner, request, now = _claims(event)["sub"], _request(event), int(time.time())
    key = _own_key(owner, request.get("key"))
    scan = _scan(clients, key)
    if scan == "gone":
        raise Refusal(404, _NO_UPLOAD)
    if scan == "refused":
        raise Refusal(409, _ENDED["refused"][1], "refused")
    hours = _number(request, "hours", int(os.environ["DEFAULT_HOURS"]), 1, int(os.environ["MAX_HOURS"]))
    token = secrets.token_urlsafe(32)
    expires = now + hours * 3600
    item: dict[str, Any] = {
        "id": _digest(token),
        "entry": _SHARE,
        "owner": owner,
        "created_at": _text(now),
        "file_key": key,
        "file_name": _file_name(request),
        "size_bytes": _number(request, "size_bytes", 0, 0, 2**43),
        "expires_at": expires,
        "recipients": _recipients(request),
        "fetches": 0,
        "ttl": expires + int(os.environ["AUDIT_DAYS"]) * 86_400,
    }
    if request.get("max_fetches") is not None:
        item["max_fetches"] = _number(request, "max_fetches", 1, 1, 1000)
    clients.dynamodb.put_item(TableName=os.environ["TABLE"], Item=_item(item), ConditionExpression="attribute_not_exists(id)")
    _log("shared", item["id"])
    # The fragment of an address is sent to no server, and stands in no log.
    return {"id": item["id"], "url": f"{os.environ['SITE_URL']}/#{token}", "expires_at": _text(expires)}


def _list(event: Mapping[str, Any], clients: Clients) -> dict[str, Any]:
    owner = _claims(event)["sub"]
    query: dict[str, Any] = {
        "TableName": os.environ["TABLE"],
        "IndexName": "by-owner",
        "KeyConditionExpression": "#owner = :owner",
        "ExpressionAttributeNames": {"#owner": "owner"},
        "ExpressionAttributeValues": _item({":owner": owner}),
        "ScanIndexForward": False,
        "Limit": _PAGE,
    }
    if after := (event.get("queryStringParameters") or {}).get("after"):
        query["ExclusiveStartKey"] = _item(_start(owner, after))
    found = clients.dynamodb.query(**query)
    shares = [_shown(share, clients) for share in map(_values, found["Items"])]
    last = found.get("LastEvaluatedKey")
    return {"shares": shares, **({"after": _after(_values(last))} if last else {})}


def _after(key: Mapping[str, Any]) -> str:
    """Where the next page begins, without the owner: that is whoever asks."""
    return base64.urlsafe_b64encode(json.dumps([key["id"], key["created_at"]]).encode()).decode()


def _start(owner: str, after: str) -> dict[str, str]:
    try:
        share_id, created = json.loads(base64.urlsafe_b64decode(after))
    except ValueError as error:
        raise Refusal(400, "after must be that of an answer") from error
    return {"id": str(share_id), "entry": _SHARE, "owner": owner, "created_at": str(created)}


def _shown(share: Mapping[str, Any], clients: Clients) -> dict[str, Any]:
    names = ("id", "file_name", "size_bytes", "created_at", "fetches", "max_fetches", "recipients")
    ended = _ended(share)
    return {
        **{name: share[name] for name in names if name in share},
        "expires_at": _text(int(share["expires_at"])),
        "state": ended or _scan_of(share, clients),
    }


def _revoke(event: Mapping[str, Any], clients: Clients) -> dict[str, Any]:
    share_id = _id(event)
    try:
        clients.dynamodb.update_item(
            TableName=os.environ["TABLE"],
            Key=_item({"id": share_id, "entry": _SHARE}),
            UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :now)",
            # Somebody else's share is none.
            ConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=_item({":owner": _claims(event)["sub"], ":now": _text(int(time.time()))}),
        )
    except clients.dynamodb.exceptions.ConditionalCheckFailedException as error:
        raise Refusal(404, _UNKNOWN) from error
    _log("revoked", share_id)
    return {"id": share_id, "state": "revoked"}


def _fetches(event: Mapping[str, Any], clients: Clients) -> dict[str, Any]:
    share_id = _id(event)
    share = _read(share_id, clients)
    if share is None or share["owner"] != _claims(event)["sub"]:
        raise Refusal(404, _UNKNOWN)
    found = clients.dynamodb.query(
        TableName=os.environ["TABLE"],
        KeyConditionExpression="id = :id AND begins_with(entry, :fetch)",
        ExpressionAttributeValues=_item({":id": share_id, ":fetch": _FETCH}),
        ScanIndexForward=False,
        Limit=_MOST_FETCHES_SHOWN,
    )
    names = ("at", "outcome", "user_name", "ip", "agent")
    return {"share": _shown(share, clients), "fetches": [{name: one[name] for name in names} for one in map(_values, found["Items"])]}


def _view(share: Mapping[str, Any], clients: Clients) -> dict[str, Any]:
    state = _ended(share) or _scan_of(share, clients)
    shown = {"state": state, "expires_at": _text(int(share["expires_at"])), "recipients_only": bool(share["recipients"])}
    # What a file for named people is called is theirs to know.
    return shown if share["recipients"] else {**shown, "file_name": share["file_name"], "size_bytes": share["size_bytes"]}


def _fetch(share: Mapping[str, Any], viewer: Viewer, clients: Clients) -> dict[str, Any]:
    """A URL of the file, for seconds. Without a record of who got it there is none."""
    state = _foreign(share, viewer, clients) or _ended(share)
    if not state and (scan := _scan_of(share, clients)) != "available":
        state = scan
    if state:
        raise _recorded(share, viewer, state, clients)
    signed = _signed(share["file_key"], clients)
    for _ in range(_ATTEMPTS):
        try:
            clients.dynamodb.transact_write_items(TransactItems=[_counted(share["id"]), _audit(share, viewer, "fetched")])
        except clients.dynamodb.exceptions.TransactionCanceledException as error:
            reasons = [reason.get("Code") for reason in error.response["CancellationReasons"]]
            if reasons[0] == "ConditionalCheckFailed":
                # Revoked, expired or used up since it was read.
                now = _read(share["id"], clients)
                raise _recorded(share, viewer, (_ended(now) if now else "") or "expired", clients) from error
            # Two fetches at once: DynamoDB lets one pass.
            time.sleep(secrets.SystemRandom().uniform(0.02, 0.1))
            continue
        _log("fetched", share["id"])
        return {"url": signed["url"], "file_name": share["file_name"]}
    raise Refusal(503, "many people follow the link right now; try again in a moment")


def _foreign(share: Mapping[str, Any], viewer: Viewer, clients: Clients) -> str:
    """Why a link for named people is not for the viewer."""
    if not share["recipients"] or (viewer.user_id and viewer.user_id == share["owner"]):
        return ""
    if not viewer.user_id:
        return "sign_in"
    try:
        user = clients.users.admin_get_user(UserPoolId=os.environ["USER_POOL_ID"], Username=viewer.user_name)
    except clients.users.exceptions.UserNotFoundException:
        # Deleted; the access token holds for some minutes more.
        return "foreign"
    if not user["Enabled"]:
        return "foreign"
    attributes = {one["Name"]: one["Value"] for one in user["UserAttributes"]}
    verified = attributes.get("email_verified") == "true"
    return "" if verified and attributes["email"].lower() in share["recipients"] else "foreign"


def _ended(share: Mapping[str, Any]) -> str:
    if "revoked_at" in share:
        return "revoked"
    if int(share["expires_at"]) <= time.time():
        return "expired"
    return "used_up" if "max_fetches" in share and share["fetches"] >= share["max_fetches"] else ""


def _recorded(share: Mapping[str, Any], viewer: Viewer, state: str, clients: Clients) -> Refusal:
    """The refusal, which the owner sees too."""
    clients.dynamodb.put_item(**_audit(share, viewer, state)["Put"])
    _log(state, share["id"])
    status, message = _ENDED[state]
    return Refusal(status, message, state)


def _counted(share_id: str) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": os.environ["TABLE"],
            "Key": _item({"id": share_id, "entry": _SHARE}),
            "UpdateExpression": "ADD fetches :one",
            "ConditionExpression": (
                "attribute_not_exists(revoked_at) AND expires_at > :now AND (attribute_not_exists(max_fetches) OR fetches < max_fetches)"
            ),
            "ExpressionAttributeValues": _item({":one": 1, ":now": int(time.time())}),
        }
    }


def _audit(share: Mapping[str, Any], viewer: Viewer, outcome: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    item = {
        "id": share["id"],
        "entry": f"{_FETCH}{now.isoformat()}#{uuid.uuid4().hex[:8]}",
        "at": now.isoformat(timespec="seconds"),
        "outcome": outcome,
        "user_id": viewer.user_id,
        "user_name": viewer.user_name,
        "ip": viewer.ip,
        "agent": viewer.agent,
        "file_key": share["file_key"],
        "ttl": int(share["ttl"]),
    }
    return {"Put": {"TableName": os.environ["TABLE"], "Item": _item(item)}}


def _signed(key: str, clients: Clients) -> dict[str, Any]:
    payload = json.dumps({"key": key, "seconds": int(os.environ["URL_SECONDS"])})
    answer = clients.functions.invoke(FunctionName=os.environ["SIGN_FUNCTION_ARN"], Payload=payload.encode())
    body = answer["Payload"].read()
    if answer.get("FunctionError"):
        raise RuntimeError(f"the function that signs failed: {body.decode()[:500]}")
    return json.loads(body)


def _scan(clients: Clients, key: str) -> str:
    """What the scan of a file has found: scanning, available or refused; gone where there is no such file."""
    try:
        tags = clients.s3.get_object_tagging(Bucket=os.environ["BUCKET"], Key=key)["TagSet"]
    except ClientError as error:
        # Of a file that was deleted, by its retention too, S3 keeps old versions below a marker, which has no tags.
        if error.response["Error"]["Code"] in ("NoSuchKey", "MethodNotAllowed"):
            return "gone"
        raise
    result = {tag["Key"]: tag["Value"] for tag in tags}.get("GuardDutyMalwareScanStatus")
    return "scanning" if result is None else "available" if result == "NO_THREATS_FOUND" else "refused"


def _scan_of(share: Mapping[str, Any], clients: Clients) -> str:
    """What the scan of a link's file has found."""
    state = _scan(clients, share["file_key"])
    age = time.time() - datetime.fromisoformat(share["created_at"]).timestamp()
    if state == "scanning" and age > _LONGEST_SCAN_SECONDS:
        # An alarm counts these lines: a scan takes seconds.
        _log("unscanned", share["id"])
    return state


def _share(token: Any, clients: Clients) -> dict[str, Any]:
    share = _share_of(token, clients)
    if share is None:
        raise Refusal(404, _UNKNOWN)
    return share


def _share_of(token: Any, clients: Clients) -> dict[str, Any] | None:
    known = isinstance(token, str) and re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    return _read(_digest(token), clients) if known else None


def _followed(event: Mapping[str, Any], clients: Clients) -> dict[str, Any]:
    """The link whose token the authorizer has seen."""
    share = _read(event["requestContext"]["authorizer"]["share_id"], clients)
    if share is None:
        raise Refusal(404, _UNKNOWN)
    return share


def _read(share_id: str, clients: Clients) -> dict[str, Any] | None:
    # A revoked link must not be found as it was.
    found = clients.dynamodb.get_item(TableName=os.environ["TABLE"], Key=_item({"id": share_id, "entry": _SHARE}), ConsistentRead=True)
    return _values(found["Item"]) if "Item" in found else None


def _own_key(owner: str, key: Any) -> str:
    """The key of an upload of the user, which begins with their folder: see the component ``DirectObjectUpload``."""
    folder = f"{os.environ['PREFIX']}{hashlib.sha256(owner.encode()).hexdigest()[:32]}/"
    if not isinstance(key, str) or not re.fullmatch(rf"{re.escape(folder)}[0-9a-f-]{{36}}", key):
        raise Refusal(404, _NO_UPLOAD)
    return key


def _id(event: Mapping[str, Any]) -> str:
    share_id = (event.get("pathParameters") or {}).get("id", "")
    if not re.fullmatch("[0-9a-f]{64}", share_id):
        raise Refusal(404, _UNKNOWN)
    return share_id


def _claims(event: Mapping[str, Any]) -> Mapping[str, str]:
    claims = ((event.get("requestContext") or {}).get("authorizer") or {}).get("claims") or {}
    if not claims.get("sub"):
        raise Refusal(401, "sign in first")
    return claims


def _viewer(event: Mapping[str, Any]) -> Viewer:
    context = event["requestContext"]
    claims = (context.get("authorizer") or {}).get("claims") or {}
    # API Gateway itself sets the address: no header is trusted.
    caller = context.get("identity") or {}
    agent = (caller.get("userAgent") or "")[:256]
    return Viewer(claims.get("sub", ""), claims.get("username", ""), caller.get("sourceIp") or "", agent)


def _request(event: Mapping[str, Any]) -> dict[str, Any]:
    text = event.get("body") or "{}"
    try:
        request = json.loads(base64.b64decode(text) if event.get("isBase64Encoded") else text)
    except ValueError as error:
        raise Refusal(400, _NO_OBJECT) from error
    if isinstance(request, dict):
        return request
    raise Refusal(400, _NO_OBJECT)


def _file_name(request: Mapping[str, Any]) -> str:
    name = request.get("file_name")
    if not isinstance(name, str) or not re.fullmatch(r"[^\x00-\x1f\x7f/\\]{1,200}", name):
        raise Refusal(400, "file_name must be the name of a file, such as report.pdf")
    return name


def _recipients(request: Mapping[str, Any]) -> list[str]:
    given = request.get("recipients", [])
    if not isinstance(given, list) or len(given) > _MOST_RECIPIENTS:
        raise Refusal(400, f"recipients must be a list of at most {_MOST_RECIPIENTS} addresses")
    for address in given:
        if not isinstance(address, str) or not re.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,190}", address):
            raise Refusal(400, "recipients must be addresses such as ada@example.com")
    return sorted({address.lower() for address in given})


def _number(request: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = request.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Refusal(400, f"{name} must be a whole number from {least} to {most}")
    return value


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _item(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: TypeSerializer().serialize(value) for name, value in values.items()}


def _values(item: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
    return {name: int(value) if isinstance(value, Decimal) else value for name, value in found.items()}


def _log(what: str, share_id: str) -> None:
    _LOG.info(json.dumps({"share": share_id, "outcome": what}))


def _header(event: Mapping[str, Any], name: str) -> str:
    return next((value for key, value in (event.get("headers") or {}).items() if key.lower() == name), "") or ""


def _sent(event: Mapping[str, Any], fetched: Mapping[str, Any]) -> dict[str, Any]:
    """Tells a script that asks for JSON where the file is, and leads all others there."""
    if "application/json" in _header(event, "accept"):
        return _answer(event, 200, fetched)
    headers = {"location": fetched["url"], "cache-control": "no-store", "referrer-policy": "no-referrer"}
    return {"statusCode": 303, "headers": headers, "body": ""}


def _answer(event: Mapping[str, Any], status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    headers = {"content-type": "application/json", "cache-control": "no-store", "vary": "origin"}
    if _header(event, "origin") == os.environ["SITE_URL"]:
        headers["access-control-allow-origin"] = os.environ["SITE_URL"]
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}
