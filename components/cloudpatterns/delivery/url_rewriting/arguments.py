"""Arguments of ``UrlRewriting``."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches, Unique
from cloudpatterns.core.vocabulary import AlarmTopicArns, DomainName, ShortNames, Tags


class RedirectRule(TypedDict):
    """Paths, and where requests for them are sent."""

    path: Annotated[str, Matches(r"/[A-Za-z0-9_.$/~\"'@:+-]*\*?", "a path, with * at its end for all that begins so, such as /images/*")]
    """The path. Query strings do not matter."""
    priority: Annotated[int, Field(ge=1, le=50_000)]
    """Of the rules for a path, the one with the lowest number counts. On a listener no other rule has it, not for a moment: a rule with
    another name, and rules that exchange their numbers, get ones that are free."""
    to_host: NotRequired[Annotated[pulumi.Input[str], Matches(r"[a-z0-9.-]+\.[a-z]{2,63}", "a host name such as cdn.example.com")]]
    """Host that requests are sent to. Default: the one that they were for."""
    to_path: NotRequired[
        Annotated[
            str,
            Matches(r"/[A-Za-z0-9_.$/~@:+%-]*(\{path\}|\{rest\})?", "a path, with {path} or {rest} at its end, such as /v2/{rest}"),
        ]
    ]
    """Path that requests are sent to. ``{path}`` at its end is the whole path of the request, ``{rest}`` what ``*`` stood for, which
    listener rules do not know. Default: the path of the request."""
    status: NotRequired[Annotated[int, Choice(301, 302), Field(default=301)]]
    """301 is kept by browsers for ever, 302 is asked for again."""
    hosts: NotRequired[Annotated[list[DomainName], Field(default=[], max_length=50), Unique()]]
    """Those of ``domain_names``, or of the names that a wildcard there stands for, whose paths these are. Without any, all are."""


class UrlRewritingOptions(TypedDict):
    """What a user tunes of a ``UrlRewriting``."""

    rules: Annotated[dict[str, RedirectRule], ShortNames, Field(min_length=1, max_length=200)]
    """Redirects by a short name."""


class UrlRewritingArgs(UrlRewritingOptions):
    """Arguments of ``UrlRewriting``."""

    domain_names: Annotated[list[DomainName], Field(min_length=1, max_length=50), Unique()]
    """Host names of the load balancer or the CDN. Requests for other names are not redirected, and whoever is sent to another name is gone:
    all names that lead here are needed to find loops."""
    listener_arn: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                r"arn:[^:]+:elasticloadbalancing:[^:]+:\d{12}:listener/app/.+",
                "the ARN of a listener of an application load balancer such as "
                "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2",
            ),
        ]
    ]
    """HTTPS listener that redirects. At least one of this and ``cloudfront_function`` is needed. Default: no listener rules."""
    cloudfront_function: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a CloudFront function is created that redirects: give ``function_arn`` to the behaviors of a CDN."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when the CloudFront function fails, in us-east-1; without any there is no alarm."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""
