"""Who may use a cache: an IAM user without a password, a user with a password, or every caller with one token."""

from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component
from cloudpatterns.database._shared import credential_secret
from cloudpatterns.database.in_memory_cache.arguments import InMemoryCacheArgs

# Users and groups are of engine redis for Valkey too, which takes both: a Valkey group refuses users without a password, and so has no
# place for a default user that nobody can log in as. https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html
_USER_ENGINE = "redis"


class Access:
    """The users of a cache and their group; with a token there are none, as the service has a user named default for it."""

    def __init__(self, component: Component, unique: pulumi.Input[str], checked: InMemoryCacheArgs) -> None:
        self._component, self._checked = component, checked
        self._name = component.pulumi_resource_name
        self.user_group_id: pulumi.Output[str] | None = None
        self.user_name = pulumi.Output.from_input("default")
        self.user_arn: pulumi.Output[str] | None = None
        if checked.get("auth_token") is None:
            self._create_users(unique)

    def replication_group_inputs(self) -> dict[str, Any]:
        """Inputs of a replication group that name its users, or the token."""
        token = self._checked.get("auth_token")
        if token is None:
            return {"user_group_ids": [self.user_group_id]}
        return {
            "auth_token_wo": pulumi.Output.secret(token["value"]),
            "auth_token_wo_version": token["version"],
            "auth_token_update_strategy": "ROTATE",
        }

    @property
    def by_iam(self) -> bool:
        """Whether callers log in through IAM."""
        return self._checked.get("password") is None and self._checked.get("auth_token") is None

    @property
    def rotated(self) -> bool:
        """Whether a function rotates the password or the token."""
        password, token = self._checked.get("password"), self._checked.get("auth_token")
        credential = token if password is None else password
        return credential is not None and credential.get("rotation_function_arn") is not None

    def _create_users(self, unique: pulumi.Input[str]) -> None:
        password = self._checked.get("password")
        if password is None:
            credentials: dict[str, Any] = {"authentication_mode": {"type": "iam"}}
        else:
            credentials = {"passwords_wo": pulumi.Output.secret(password["value"]), "passwords_wo_version": password["version"]}
        # IAM requires the same name and id. https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html#auth-iam-limits
        user = self._user("user", unique, unique, self._checked["access_string"], **credentials)
        # A redis group needs a user named default; AWS's own may do everything without a password.
        nobody = self._user("default", pulumi.Output.concat(unique, "-default"), "default", "off ~* -@all", no_password_required=True)
        group = aws.elasticache.UserGroup(
            f"{self._name}-users",
            engine=_USER_ENGINE,
            user_group_id=unique,
            user_ids=[nobody.user_id, user.user_id],
            tags=self._checked["tags"],
            opts=self._component.child(),
        )
        self.user_group_id, self.user_name, self.user_arn = group.user_group_id, user.user_name, user.arn

    def _user(
        self, suffix: str, user_id: pulumi.Input[str], user_name: pulumi.Input[str], access_string: str, **credentials: Any
    ) -> aws.elasticache.User:
        return aws.elasticache.User(
            f"{self._name}-{suffix}",
            engine=_USER_ENGINE,
            user_id=user_id,
            user_name=user_name,
            access_string=access_string,
            tags=self._checked["tags"],
            opts=self._component.child(),
            **credentials,
        )

    def secret(
        self, cache: pulumi.Resource, host: pulumi.Output[str], port: pulumi.Output[int], kms_key_arn: pulumi.Input[str]
    ) -> pulumi.Output[str] | None:
        """ARN of the secret with the password or token; None with IAM, which has neither."""
        password, token = self._checked.get("password"), self._checked.get("auth_token")
        credential = token if password is None else password
        if credential is None:
            return None
        # The form that AWS's rotation function for users reads:
        # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/User-Secrets-Manager.html
        value = {
            "username": self.user_name,
            "password": pulumi.Output.secret(credential["value"]),
            "host": host,
            "port": port,
            **({} if self.user_arn is None else {"user_arn": self.user_arn}),
        }
        return credential_secret(
            self._component,
            f"{self._name}-secret",
            f"{self._name}-rotation",
            f"User of cache {self._name}",
            pulumi.Output.json_dumps(value),
            credential,
            function_arn=credential.get("rotation_function_arn"),
            kms_key_arn=kms_key_arn,
            user=cache,
            tags=self._checked["tags"],
        )
