"""Confidential files that users share by links with an expiry, which they can take back, and of which they see who fetched what.

Pattern: "I need to securely share a confidential file with someone else" (Common AWS System Design Patterns).
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, errors_alarm, pattern_function
from cloudpatterns.blocks.table import schema_table, throttled_alarm
from cloudpatterns.core import Component, Later, Problem, Statement, TableKeyArgs, iam_statement, later, part_problems, pick, table_schema
from cloudpatterns.delivery import (
    CdnViewerArgs,
    DirectStorageHosting,
    ExistingPrivateBucket,
    PrivateDataDelivery,
    PrivateDataDeliveryArgs,
)
from cloudpatterns.delivery._buckets import reader_key, reader_statements
from cloudpatterns.network import ApiGateway, ApiGatewayArgs, ApiRouteArgs, WebApplicationFirewall
from cloudpatterns.security import UserDirectory, UserDirectoryArgs
from cloudpatterns.systems.secure_file_sharing.arguments import SecureFileSharingArgs, problems
from cloudpatterns.uploads import DirectObjectUpload, DirectObjectUploadArgs

_CODE = Path(__file__).parent / "on_aws"
_PREFIX = "files/"
# The longest name within.
_NAMES = {"uploads-files-logs-bucket": 63}
_ANY_KEY_ARN = "arn:aws:kms:eu-west-1:000000000000:key/0"
_ANY_FUNCTION_ARN = "arn:aws:lambda:eu-west-1:000000000000:function:shares"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
# The token of a link cannot be guessed: the limit is for whoever tries.
_LINK: ApiRouteArgs = {"authorizer": "links", "throttle": {"rate_per_second": 50, "burst": 100}}
# A route of a REST API that names scopes takes access tokens, and not those that say who the user is.
_SIGNED_IN: ApiRouteArgs = {"scopes": ["openid"]}


class SecureFileSharing(Component):
    """A site on which users share confidential files by links ("Common AWS System Design Patterns", "I need to securely share a
    confidential file with someone else").

    Users sign in by managed login with PKCE, upload by a form that S3 enforces, and get a link with an expiry, for everybody who has it or
    for named users. Whoever follows it gets the file from CloudFront, by an address that is signed for seconds. A link can be revoked, and
    its owner sees who fetched the file, or tried to. GuardDuty scans each file, and nobody gets one that is not clean. Composed of
    ``DirectStorageHosting``, ``UserDirectory``, ``DirectObjectUpload``, ``PrivateDataDelivery`` and ``ApiGateway``.

    **Use when**: people send each other contracts, statements or designs that must not be attachments.

    **Not when**: partners exchange files by machine (``WriteProxy``), or many people work on the same document.

    **Cost drivers**: active users on the plan Plus, the scan, data to viewers, two web ACLs, four keys, stored files.

    **Trade-offs**: a revoked link works on for ``url_seconds`` for whoever has just followed it, and what was downloaded cannot be called
    back. A link without recipients is for whoever has it. A download that pauses for longer than ``url_seconds`` needs the link again.

    **Proven by**: controls ``malware-scan-before-read``, ``cognito-user-pool-threat-protection``, ``cloudfront-origin-access-control``,
    ``web-application-firewall``; ``test_secure_file_sharing.py``, ``test_secure_file_sharing_shares.py``, and
    ``test_secure_file_sharing_browser.py``, which uses the site in a browser.
    """

    site_url: pulumi.Output[str]
    """Address of the site."""
    files_url: pulumi.Output[str]
    """Address before the keys of files."""
    files_distribution_arn: pulumi.Output[str]
    """ARN of the distribution that delivers files."""
    api_url: pulumi.Output[str]
    """Address of the API."""
    login_url: pulumi.Output[str]
    """Address of managed login."""
    user_pool_id: pulumi.Output[str]
    """Id of the user pool."""
    client_ids: pulumi.Output[dict[str, str]]
    """Clients of the user pool to their ids, ``site`` among them."""
    site_bucket_name: pulumi.Output[str]
    """Bucket with the site."""
    site_settings: pulumi.Output[str]
    """What the site reads as ``config.json``."""
    files_bucket_name: pulumi.Output[str]
    """Bucket with the files."""
    table_name: pulumi.Output[str]
    """Table of links and of who followed them."""
    kms_key_arn: pulumi.Output[str]
    """Key of files and links."""

    def __init__(self, name: str, args: SecureFileSharingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=functools.partial(_problems, name), names=_NAMES)
        edge = WebApplicationFirewall(f"{name}-edge", {**checked["firewall"], "scope": "CLOUDFRONT", "tags": checked["tags"]}, self.child())
        regional = WebApplicationFirewall(f"{name}-firewall", {**checked["firewall"], "tags": checked["tags"]}, self.child())
        self._users = users = self._user_directory(name, regional)
        with later() as distribution_arn:
            # CloudFront reads files with it, the roles of scanner and functions by their own policies. Nothing that a service checks at
            # once, such as a log group, is under it: its policy is there only after the distribution.
            description, given = f"Files and links of {name}", checked.get("kms_key_arn")
            self.kms_key_arn = reader_key(self, f"{name}-key", description, distribution_arn, given, checked["tags"])
            self._uploads = self._direct_object_upload(name, distribution_arn)
            self._files = files = self._private_data_delivery(name, edge)
            distribution_arn.come_from(files.distribution_arn)
        self._table = self._links(name)
        self._api = api = self._api_gateway(name, self._shares(name), regional)
        self.login_url, self.user_pool_id = users.login_url, users.user_pool_id
        self.client_ids = users.client_ids
        self.files_url, self.files_distribution_arn = files.url, files.distribution_arn
        self.files_bucket_name, self.table_name, self.api_url = self._uploads.bucket_name, self._table.name, api.invoke_url
        self.site_settings = self._settings()
        site = self._site(name, edge)
        self.site_url, self.site_bucket_name = site.url, site.bucket_name
        self.register()

    def _user_directory(self, name: str, firewall: WebApplicationFirewall) -> UserDirectory:
        return UserDirectory(f"{name}-users", _directory(self._checked, firewall.web_acl_arn), self.child())

    def _direct_object_upload(self, name: str, distribution_arn: Later[str]) -> DirectObjectUpload:
        args = _upload(self._checked, self.kms_key_arn)
        return DirectObjectUpload(f"{name}-uploads", {**args, "bucket_statements": reader_statements(distribution_arn)}, self.child())

    def _private_data_delivery(self, name: str, firewall: WebApplicationFirewall) -> PrivateDataDelivery:
        uploads = self._uploads
        bucket: ExistingPrivateBucket = {
            "arn": uploads.bucket_arn,
            "regional_domain_name": uploads.bucket_regional_domain_name,
            "kms_key_arn": self.kms_key_arn,
        }
        return PrivateDataDelivery(f"{name}-files", _delivery(self._checked, firewall.web_acl_arn, bucket), self.child())

    def _links(self, name: str) -> aws.dynamodb.Table:
        """Links and who followed them: an item for each, below the digest of the link's token."""
        owner: TableKeyArgs = {"name": "owner", "type": "S"}
        created: TableKeyArgs = {"name": "created_at", "type": "S"}
        schema = table_schema(
            {"name": "id", "type": "S"},
            {"name": "entry", "type": "S"},
            {"by-owner": {"partition_key": owner, "sort_key": created}},
            "ttl",
        )
        table = schema_table(
            self,
            f"{name}-links",
            schema,
            kms_key_arn=self.kms_key_arn,
            deletion_protection=self._checked["deletion_protection"],
            tags=self._checked["tags"],
        )
        if topics := self._checked["alarm_topic_arns"]:
            description = f"DynamoDB throttles requests for links of {name} in each of five minutes"
            throttled_alarm(self, f"{name}-links-throttled", description, table.name, actions=topics, tags=self._checked["tags"])
        return table

    def _shares(self, name: str) -> aws.lambda_.Function:
        """The function that creates links, and answers whoever follows one."""
        checked, uploads, table = self._checked, self._uploads, self._table
        objects = pulumi.Output.concat(uploads.bucket_arn, f"/{_PREFIX}*")
        actions = ("GetItem", "PutItem", "Query", "UpdateItem")
        statements = [
            Statement(sid="Links", actions=[f"dynamodb:{action}" for action in actions], resources=[table.arn]),
            Statement(sid="LinksOfUser", actions=["dynamodb:Query"], resources=[pulumi.Output.concat(table.arn, "/index/by-owner")]),
            Statement(
                sid="LinksKey",
                actions=["kms:Decrypt"],
                resources=[self.kms_key_arn],
                conditions={"StringLike": {"kms:ViaService": "dynamodb.*.amazonaws.com"}},
            ),
            # What the scan has found: the function reads no file.
            Statement(sid="Scans", actions=["s3:GetObjectTagging"], resources=[objects]),
            # Without it S3 says of a file that is gone what it says of a right that is missing.
            Statement(sid="Files", actions=["s3:ListBucket"], resources=[uploads.bucket_arn]),
            Statement(sid="Recipients", actions=["cognito-idp:AdminGetUser"], resources=[self._users.user_pool_arn]),
            *(iam_statement({"conditions": {}, **one}) for one in self._files.caller_statements()),
        ]
        created = pattern_function(
            self,
            f"{name}-shares",
            _CODE / "shares",
            description=f"Creates links of {name}, and answers whoever follows one",
            role_description=f"What creates and follows links of {name}",
            statements=statements,
            memory_mib=512,
            # Less than API Gateway waits.
            timeout_seconds=20,
            log_retention_days=checked["log_retention_days"],
            environment={
                "TABLE": table.name,
                "BUCKET": uploads.bucket_name,
                "PREFIX": _PREFIX,
                "SIGN_FUNCTION_ARN": self._files.function_arn,
                "URL_SECONDS": str(checked["url_seconds"]),
                "DEFAULT_HOURS": str(checked["default_link_hours"]),
                "MAX_HOURS": str(checked["max_link_hours"]),
                "AUDIT_DAYS": str(checked["audit_days"]),
                "SITE_URL": f"https://{checked['site_domain_name']}",
                "USER_POOL_ID": self._users.user_pool_id,
            },
            tags=checked["tags"],
        )
        if topics := checked["alarm_topic_arns"]:
            errors_alarm(self, f"{name}-shares", created.function, topics, checked["tags"])
            self._unscanned_alarm(name, created.log_group_name)
        return created.function

    def _unscanned_alarm(self, name: str, log_group_name: pulumi.Output[str]) -> None:
        """An alarm on a scan that says nothing at all: GuardDuty sends events of what it cannot scan, but none where it does not run."""
        # Another stack in the account and Region may have a component of the same name; the log group is this one's alone.
        metric = Metric("CloudPatterns/SecureFileSharing", pulumi.Output.concat(log_group_name, "-unscanned"), {}, "Sum")
        aws.cloudwatch.LogMetricFilter(
            f"{name}-unscanned-filter",
            log_group_name=log_group_name,
            pattern='"unscanned"',
            metric_transformation={"namespace": metric.namespace, "name": metric.name, "value": "1", "default_value": "0"},
            opts=self.child(),
        )
        alarm(
            self,
            f"{name}-unscanned",
            f"Somebody waits for a file of {name} that was not scanned within 15 minutes: is its malware protection plan active?",
            metric,
            0,
            period_seconds=300,
            actions=self._checked["alarm_topic_arns"],
            # Nobody asking any more is not a repair.
            ok_actions=[],
            tags=self._checked["tags"],
        )

    def _api_gateway(self, name: str, shares: aws.lambda_.Function, firewall: WebApplicationFirewall) -> ApiGateway:
        checked = self._checked
        upload: ApiRouteArgs = {"function_arn": self._uploads.function_arn, **_SIGNED_IN}
        owned: ApiRouteArgs = {"function_arn": shares.arn, **_SIGNED_IN}
        link: ApiRouteArgs = {"function_arn": shares.arn, **_LINK}
        given: ApiGatewayArgs = {
            "kind": "rest",
            "routes": {
                "POST /uploads": upload,
                "GET /uploads": upload,
                "POST /shares": owned,
                "GET /shares": owned,
                "DELETE /shares/{id}": owned,
                "GET /shares/{id}/fetches": owned,
                "POST /fetches": owned,
                "GET /link": link,
                "POST /link/fetches": link,
            },
            "authorizers": {"users": self._users.api_authorizer(kind="rest"), "links": {"function": {"function_arn": shares.arn}}},
            "default_authorizer": "users",
            "cors": {"allowed_origins": [f"https://{checked['site_domain_name']}"]},
            "web_acl_arn": firewall.web_acl_arn,
            "account_logging_role": checked["account_logging_role"],
            **pick(checked, "alarm_topic_arns", "log_retention_days", "tags"),
        }
        domain = checked.get("api_domain")
        if domain is not None:
            given["domain"] = domain
        return ApiGateway(f"{name}-api", given, self.child())

    def _settings(self) -> pulumi.Output[str]:
        checked = self._checked
        return pulumi.Output.json_dumps(
            {
                "title": checked["title"],
                "api": self.api_url,
                "login": self.login_url,
                "client_id": self.client_ids["site"],
                "content_types": checked["content_types"],
                "max_bytes": checked["max_size_mib"] * 1024 * 1024,
                "default_hours": checked["default_link_hours"],
                "max_hours": checked["max_link_hours"],
            }
        )

    def _site(self, name: str, firewall: WebApplicationFirewall) -> DirectStorageHosting:
        checked = self._checked
        origin = self.api_url.apply(lambda url: "/".join(url.split("/")[:3]))
        upload = pulumi.Output.concat("https://", self._uploads.bucket_regional_domain_name)
        policy = pulumi.Output.concat(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; ",
            *("connect-src 'self' ", origin, " ", upload, " ", self.login_url, "; "),
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
        site = DirectStorageHosting(
            f"{name}-site",
            {
                **_viewers(checked, checked["site_domain_name"], firewall.web_acl_arn),
                "headers": {"content_security_policy": policy, "referrer_policy": "no-referrer"},
            },
            self.child(),
        )
        if checked["publish_site"]:
            for path in sorted((_CODE / "site").iterdir()):
                self._page(name, site, path.name, pulumi.FileAsset(str(path)))
            self._page(name, site, "config.json", self.site_settings.apply(pulumi.StringAsset))
        return site

    def _page(self, name: str, site: DirectStorageHosting, key: str, source: pulumi.Input[pulumi.Asset]) -> None:
        aws.s3.BucketObjectv2(
            f"{name}-page-{key}",
            bucket=site.bucket_name,
            key=key,
            source=source,
            content_type=_TYPES[Path(key).suffix],
            # An update is seen at once: caches ask whether a file has changed.
            cache_control="no-cache",
            # An object has ten tags at most, and default tags may be more.
            override_provider={"default_tags": {"tags": {}}},
            opts=self.child(),
        )


def _directory(checked: SecureFileSharingArgs, web_acl_arn: pulumi.Input[str]) -> UserDirectoryArgs:
    address, existing = f"https://{checked['site_domain_name']}/", checked.get("existing_user_pool")
    given: UserDirectoryArgs = {**checked["users"]}
    given["clients"] = {**given["clients"], "site": {"callback_urls": [address], "logout_urls": [address]}}
    if existing is not None:
        given["existing_user_pool"] = existing
    else:
        given["web_acl_arn"] = web_acl_arn
    return {**given, **pick(checked, "alarm_topic_arns", "tags")}


def _upload(checked: SecureFileSharingArgs, kms_key_arn: pulumi.Input[str]) -> DirectObjectUploadArgs:
    return {
        "forms": {"files": {"content_types": checked["content_types"], "prefix": _PREFIX, "max_size_mib": checked["max_size_mib"]}},
        "allowed_origins": [f"https://{checked['site_domain_name']}"],
        "kms_key_arn": kms_key_arn,
        "alarm_topic_arns": checked["alarm_topic_arns"],
        **pick(checked, "retention_days", "log_retention_days", "force_destroy", "tags"),
    }


def _delivery(checked: SecureFileSharingArgs, web_acl_arn: pulumi.Input[str], bucket: ExistingPrivateBucket) -> PrivateDataDeliveryArgs:
    return {
        **_viewers(checked, checked["files_domain_name"], web_acl_arn),
        **pick(checked, "sign_with"),
        "signing_keys": checked["signing_keys"],
        "existing_bucket": bucket,
        "default_expiry_seconds": checked["url_seconds"],
        "max_expiry_seconds": checked["url_seconds"],
        # A browser saves a file and runs nothing of it.
        "headers": {"content_security_policy": "default-src 'none'; sandbox", "referrer_policy": "no-referrer"},
        "function_alarm_topic_arns": checked["alarm_topic_arns"],
        "function_log_retention_days": checked["log_retention_days"],
    }


def _viewers(checked: SecureFileSharingArgs, domain_name: str, web_acl_arn: pulumi.Input[str]) -> CdnViewerArgs:
    viewers: CdnViewerArgs = {
        "domain_names": [domain_name],
        "web_acl_arn": web_acl_arn,
        # Codes of sign-ins and signatures of files stand in them.
        "log_query_strings": False,
        "force_destroy": checked["force_destroy"],
        "alarm_topic_arns": checked["edge_alarm_topic_arns"],
        "tags": checked["tags"],
    }
    if (zone_id := checked.get("hosted_zone_id")) is not None:
        viewers["hosted_zone_id"] = zone_id
    if (certificate_arn := checked.get("edge_certificate_arn")) is not None:
        viewers["certificate_arn"] = certificate_arn
    return viewers


def _problems(name: str, checked: SecureFileSharingArgs) -> Iterator[Problem]:
    own = [*problems(checked)]
    # What the composed components would say of the same is worse said.
    yield from own or dict.fromkeys(_part_problems(name, checked))


def _part_problems(name: str, checked: SecureFileSharingArgs) -> Iterator[Problem]:
    """What the composed components would refuse. Ids of others are made up."""
    edge_acl = "arn:aws:wafv2:us-east-1:000000000000:global/webacl/a/b"
    firewall: Any = {**checked["firewall"], "scope": "CLOUDFRONT"}
    yield from part_problems(WebApplicationFirewall, f"{name}-edge", firewall, {"": "firewall"})
    yield from part_problems(WebApplicationFirewall, f"{name}-firewall", checked["firewall"], {"": "firewall"})
    directory = _directory(checked, "arn:aws:wafv2:eu-west-1:000000000000:regional/webacl/a/b")
    places = {"": "users", **{one: one for one in ("alarm_topic_arns", "existing_user_pool", "tags")}}
    yield from part_problems(UserDirectory, f"{name}-users", directory, places)
    yield from part_problems(DirectObjectUpload, f"{name}-uploads", _upload(checked, _ANY_KEY_ARN), {"forms.files": ""})
    bucket: ExistingPrivateBucket = {
        "arn": "arn:aws:s3:::files",
        "regional_domain_name": "files.s3.eu-west-1.amazonaws.com",
        "kms_key_arn": _ANY_KEY_ARN,
    }
    viewers = {"alarm_topic_arns": "edge_alarm_topic_arns", "certificate_arn": "edge_certificate_arn"}
    named = {**viewers, "domain_names.0": "files_domain_name"}
    yield from part_problems(PrivateDataDelivery, f"{name}-files", _delivery(checked, edge_acl, bucket), named)
    domain = checked.get("api_domain")
    api: Any = {"kind": "rest", "account_logging_role": checked["account_logging_role"], **({} if domain is None else {"domain": domain})}
    api |= {"routes": {"GET /link": {"function_arn": _ANY_FUNCTION_ARN, "authorizer": "links"}}}
    api |= {"authorizers": {"links": {"function": {"function_arn": _ANY_FUNCTION_ARN}}}}
    yield from part_problems(ApiGateway, f"{name}-api", api, {"domain": "api_domain"})
    named = {**viewers, "domain_names.0": "site_domain_name"}
    yield from part_problems(DirectStorageHosting, f"{name}-site", _viewers(checked, checked["site_domain_name"], edge_acl), named)
