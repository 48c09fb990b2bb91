"""IAM tokens in place of passwords: presigned requests, valid for 15 minutes, signed anew for each connection.

RDS: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
ElastiCache: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html

A token is as good as a password while it is valid: it is never logged.
"""

import botocore.session
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError

from storefront.settings import CacheSettings, DatabaseSettings

_SECONDS = 900
_SCHEME = "https://"


class Tokens:
    """Signs with the credentials of the default chain: on a server, those of its instance profile, which botocore refreshes by itself."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._session = botocore.session.get_session()

    def database(self, settings: DatabaseSettings) -> str:
        """What RDS's ``generate-db-auth-token`` gives; it has to be the name of the instance itself, since an alias is refused."""
        return self._signed("rds-db", f"{settings.host}:{settings.port}", {"Action": "connect", "DBUser": settings.user})

    def cache(self, settings: CacheSettings) -> str:
        """Signed for the cache's name in lower case, whatever the name of the host is."""
        parameters = {"Action": "connect", "User": settings.user}
        if settings.serverless:
            parameters["ResourceType"] = "ServerlessCache"
        return self._signed("elasticache", settings.name.lower(), parameters)

    def _signed(self, service: str, host: str, parameters: dict[str, str]) -> str:
        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        request = AWSRequest(method="GET", url=f"{_SCHEME}{host}/", params=parameters)
        SigV4QueryAuth(credentials.get_frozen_credentials(), service, self._region, expires=_SECONDS).add_auth(request)
        return str(request.url).removeprefix(_SCHEME)
