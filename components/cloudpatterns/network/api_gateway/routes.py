"""Routes in the words of API Gateway: keys, paths, names of children, and parts of a request."""

import hashlib
import re
from typing import NamedTuple

from cloudpatterns.network.api_gateway.arguments import ApiGatewayArgs, ApiRouteArgs

_LONGEST = 40
"""Characters of a child's name that a route takes at most: AWS limits the names that Pulumi gives."""


class Route(NamedTuple):
    """A route's method (``ANY`` for all) and path; both are ``$default`` for the route of what matches no other."""

    method: str
    path: str

    @property
    def variables(self) -> list[str]:
        """Names of the path's variables."""
        return re.findall(r"\{([^}+]+)\+?\}", self.path)

    @property
    def child(self) -> str:
        """What children of the route are named after: readable, and different for different routes."""
        if self.path == "$default":
            return "default"
        path = "_" if self.path == "/" else self.path[1:].replace("/", "-").replace("{", "_").replace("+}", "__").replace("}", "_")
        name = f"{self.method.lower()}-{re.sub('[^a-zA-Z0-9_-]', '-', path)}"
        if re.fullmatch(r"/|(/([a-z0-9]+|\{[a-z0-9]+\+?\}))*", self.path) and len(name) <= _LONGEST:
            return name
        # Another route's name could come out the same, or too long.
        digest = hashlib.sha256(f"{self.method} {self.path}".encode()).hexdigest()[:8]
        return f"{name[: _LONGEST - 9].rstrip('-')}-{digest}"

    @property
    def source(self) -> str:
        """What follows the stage in the ARN by which API Gateway says for which route it invokes a function."""
        if self.path == "$default":
            return "$default"
        method = "*" if self.method == "ANY" else self.method
        return f"{method}{re.sub(r'{[^}]*}', '*', self.path)}"


def route_of(key: str) -> Route:
    """The route of a key such as ``GET /orders/{id}``."""
    method, _, path = key.partition(" ")
    return Route(method, path or method)


def authorizer_of(checked: ApiGatewayArgs, route: ApiRouteArgs) -> str | None:
    """Name of the authorizer that decides who may call a route; None where IAM does, or everybody may."""
    if (name := route.get("authorizer")) is not None:
        return name
    return None if route["public"] or route["iam_authorization"] else checked.get("default_authorizer")


def in_template(source: str) -> str:
    """A part of a request (``path.customer``) in a mapping template of a REST API."""
    place, _, name = source.partition(".")
    return {
        # Of a path, a query string and headers, API Gateway looks into the path first.
        "path": f"$input.params('{name}')",
        "query": f"$input.params().querystring.get('{name}')",
        "claim": f"$context.authorizer.claims.{name}",
        "authorizer": f"$context.authorizer.{name}",
        "request_id": "$context.requestId",
    }[place]


def in_parameter(source: str) -> str:
    """A part of a request in a parameter mapping of an HTTP API."""
    place, _, name = source.partition(".")
    return {
        "path": f"$request.path.{name}",
        "query": f"$request.querystring.{name}",
        "claim": f"$context.authorizer.claims.{name}",
        "authorizer": f"$context.authorizer.{name}",
        "request_id": "$context.requestId",
    }[place]
