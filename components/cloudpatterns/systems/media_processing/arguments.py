"""Arguments of ``MediaProcessing``, the sizes that follow from them, and the rules over them."""

import math
from collections.abc import Iterator
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Keys, Matches, Problem, Unique, is_given, needs, one_of, part_problems, pick
from cloudpatterns.core.vocabulary import SHORT_NAME, SHORT_NAME_WORDS, DeletionProtection, KmsKeyArn, LogRetentionDays
from cloudpatterns.delivery import CdnViewerArgs
from cloudpatterns.delivery._viewers import viewer_problems
from cloudpatterns.network import ApiAuthorizerArgs, ApiDomainArgs, ApiGateway, ApiGatewayArgs, ApiGatewayOptions, ApiRouteArgs
from cloudpatterns.uploads import UploadBucketOptions
from cloudpatterns.uploads._scanned_bucket import UploadBucketArgs, bucket_problems

CONTENT_TYPES = {"avif": "image/avif", "gif": "image/gif", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
PREFIX = "pictures/"
"""Of the uploads in their bucket, and of the records in the bucket of media."""
STAGES = ("check", "render", "publish")
_CALLERS = "callers"
_ANY_FUNCTION_ARN = "arn:aws:lambda:eu-west-1:000000000000:function:pictures"
_OF_API = {
    "": "api",
    f"authorizers.{_CALLERS}": "authorizer",
    "cors.allowed_origins": "allowed_origins",
    "domain": "api_domain",
    **{one: one for one in ("account_logging_role", "alarm_topic_arns", "tags")},
}
"""Where the API has its arguments from."""

_MEGAPIXEL = 1_000_000
_MIB = 1024 * 1024
# Measured with pictures of 50 megapixels in each format and mode: the decoder's own copy, an upright one and one in RGBA at the same
# time are 12 bytes a pixel, progressive JPEG and WebP a little more. Python and Pillow need 150 MiB, and the file is there twice.
_PIXEL_BYTES, _PROGRAM_MIB, _FUNCTION_MIB = 18, 256, 192
_MOST_MEMORY_MIB, _MOST_SECONDS = 10_240, 900
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
_ONE_CPU_MIB = 1769
_DEFAULT_RENDITION: Any = {"fit": "inside", "quality": 80, "animated": False, "background": "#ffffff"}
_DEFAULT_RENDITIONS: Any = {
    "thumbnail": {"width": 256, "height": 256, "format": "webp", **_DEFAULT_RENDITION},
    "large": {"width": 2048, "height": 2048, "format": "jpeg", **_DEFAULT_RENDITION},
}
_Side = Annotated[int, Field(ge=1, le=4096)]


class MediaRendition(TypedDict):
    """A form in which each picture is delivered. It is never larger than the picture was, and has no metadata: no place, no camera."""

    width: _Side
    """Width of the box, in pixels."""
    height: _Side
    """Height of the box, in pixels."""
    fit: NotRequired[Annotated[str, Choice("inside", "cover"), Field(default="inside")]]
    """``inside`` (the whole picture, as large as the box allows) or ``cover`` (the middle of the picture, in the proportions of the
    box)."""
    format: NotRequired[Annotated[str, Choice("avif", "jpeg", "png", "webp"), Field(default="webp")]]
    """Format of the rendition."""
    quality: NotRequired[Annotated[int, Field(default=80, ge=1, le=100)]]
    """Quality; PNG has none."""
    animated: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether an animation stays one, in WebP. Otherwise its first frame is the picture."""
    background: NotRequired[Annotated[str, Matches("#[0-9a-f]{6}", "a colour such as #ffffff"), Field(default="#ffffff")]]
    """What is behind transparent parts in JPEG, which has none."""


class MediaProcessingOptions(UploadBucketOptions):
    """What a user tunes of a ``MediaProcessing``."""

    renditions: NotRequired[
        Annotated[
            dict[str, MediaRendition],
            Keys(rf"(?=.{{1,20}}$){SHORT_NAME}", f"{SHORT_NAME_WORDS}, at most 20 of them"),
            Field(default=_DEFAULT_RENDITIONS, min_length=1, max_length=10),
        ]
    ]
    """Renditions by name. Their settings are part of their keys: after a change, new pictures have the new ones, and earlier pictures once
    their uploads are sent to the queue again."""
    accepted_formats: NotRequired[
        Annotated[
            list[Annotated[str, Choice(*CONTENT_TYPES)]], Unique(), Field(default=["avif", "gif", "jpeg", "png", "webp"], min_length=1)
        ]
    ]
    """Formats of uploads, by what is in the file."""
    max_size_mib: NotRequired[Annotated[int, Field(default=20, ge=1, le=200)]]
    """Largest upload. S3 enforces it."""
    max_megapixels: NotRequired[Annotated[int, Field(default=50, ge=1, le=400)]]
    """Most pixels of a picture, in millions, whatever the size of its file. The memory and the time of the function that decodes follow
    from it."""
    max_frames: NotRequired[Annotated[int, Field(default=300, ge=1, le=10_000)]]
    """Most frames of an animation that stays one; all of them together have four times ``max_megapixels`` at most."""
    maximum_concurrency: NotRequired[Annotated[int, Field(default=10, ge=2, le=1000)]]
    """Pictures that are decoded at the same time; the others wait."""
    reserve_concurrency: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether so many invocations of the account are kept for the function that decodes, so that a rush on other functions does not stop
    it. AWS leaves 100 to all others and refuses more, as in a new account, whose quota is 10."""
    max_receive_count: NotRequired[Annotated[int, Field(default=5, ge=1, le=1000)]]
    """Tries of a stage, after which a picture's message is parked in the stage's dead-letter queue."""
    alarm_age_seconds: NotRequired[Annotated[int, Field(default=1800, ge=60, le=1_209_600)]]
    """How long a picture may wait for a stage before the alarm is raised, and its owner sees that it is late."""
    most_refused_pictures: NotRequired[Annotated[int, Field(default=20, ge=0, le=1_000_000)]]
    """Pictures that are refused in fifteen minutes above which an alarm is raised: somebody tries, or a client sends what is none."""
    form_expiry_seconds: NotRequired[Annotated[int, Field(default=300, ge=30, le=3600)]]
    """How long a form can be sent."""
    identity_claim: NotRequired[
        Annotated[str, Matches(r"[A-Za-z0-9_:.-]{1,128}", "a claim or key of the authorizer such as sub"), Field(default="sub")]
    ]
    """What tells users apart in the context of the API's authorizer."""
    allowed_origins: NotRequired[
        Annotated[
            list[Annotated[str, Matches(r"https://[a-z0-9.-]+(:\d{1,5})?", "an origin such as https://shop.example.com")]],
            Unique(),
            Field(default=[], max_length=20),
        ]
    ]
    """Origins of pages whose scripts upload and see pictures."""
    key_group_ids: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[], max_length=4)]]
    """Key groups of CloudFront: links work with a signature alone, which your application adds. Without any, whoever has a link has the
    rendition."""
    api: NotRequired[ApiGatewayOptions]
    """The API, see ``ApiGateway``, for ``POST /uploads``, ``GET /uploads``, ``GET /pictures`` and ``GET /pictures/{id}``. Default: none;
    give ``form_function_arn`` and ``status_function_arn`` to routes of yours."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the table of the index."""
    media_force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroy deletes renditions and records; otherwise a bucket with them cannot be destroyed."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that logs of functions are kept."""


class MediaProcessingArgs(MediaProcessingOptions, UploadBucketArgs):
    """Arguments of ``MediaProcessing``."""

    pillow_layer: NotRequired[pulumi.Archive]
    """A folder or archive with Pillow for Python 3.13 on arm64 below ``python/``, of which a layer is created. Exactly one of
    ``pillow_layer`` and ``pillow_layer_arn``."""
    pillow_layer_arn: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                r"arn:[^:]+:lambda:[^:]+:[^:]+:layer:[^:]+:\d+",
                "the ARN of a version of a layer such as arn:aws:lambda:eu-west-1:123456789012:layer:pillow:1",
            ),
        ]
    ]
    """A version of a layer with Pillow that is there. Exactly one of ``pillow_layer`` and ``pillow_layer_arn``."""
    cdn: CdnViewerArgs
    """The side of the CDN that viewers see, see ``ContentDeliveryNetwork``: ``domain_names`` with their zone or certificate at least, of
    another site than yours, so that no picture is of its origin. Its alarms notify topics in us-east-1."""
    authorizer: NotRequired[ApiAuthorizerArgs]
    """Who may upload, and sees their own pictures. Needed with ``api``."""
    account_logging_role: NotRequired[Annotated[str, Choice("create", "existing")]]
    """As in ``ApiGateway``. Needed on REST. Default: none, with HTTP."""
    api_domain: NotRequired[ApiDomainArgs]
    """A custom domain name of the API. Default: its own."""
    media_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of renditions and records, whose policy lets the distribution decrypt. Default: a new key."""


def picture_settings(checked: MediaProcessingArgs) -> dict[str, Any]:
    """What the stages know of pictures."""
    return {
        "accepted_formats": sorted(checked["accepted_formats"]),
        "max_bytes": checked["max_size_mib"] * _MIB,
        "max_pixels": checked["max_megapixels"] * _MEGAPIXEL,
        "max_frames": checked["max_frames"],
        "renditions": checked["renditions"],
    }


def picture_memory_mib(checked: MediaProcessingArgs, stage: str) -> int:
    """Memory of the process that reads a picture: beside its file, where it is decoded, what its pixels take in the worst case."""
    pixels = checked["max_megapixels"] * _MEGAPIXEL * _PIXEL_BYTES / _MIB if stage == "render" else 0
    return _PROGRAM_MIB + 2 * checked["max_size_mib"] + math.ceil(pixels)


def memory_mib(checked: MediaProcessingArgs, stage: str) -> int:
    """Memory of a stage's function: that of the process and its own; a whole CPU where pictures are decoded."""
    if stage == "publish":
        return 256
    needed = picture_memory_mib(checked, stage) + _FUNCTION_MIB
    return max(needed, _ONE_CPU_MIB if stage == "render" else 512)


def timeout_seconds(checked: MediaProcessingArgs, stage: str) -> int:
    """Longest invocation of a stage: a second for each megapixel that is decoded, and two for each that is encoded, with one CPU."""
    if stage != "render":
        return 60
    encoded = sum(one["width"] * one["height"] for one in checked["renditions"].values()) / _MEGAPIXEL
    return min(_MOST_SECONDS, 30 + checked["max_megapixels"] + math.ceil(2 * encoded))


def problems(name: str, checked: MediaProcessingArgs) -> Iterator[Problem]:
    """What does not go together."""
    yield from one_of(checked, "pillow_layer", "pillow_layer_arn")
    yield from needs(checked, "authorizer", "api")
    yield from needs(checked, "api", "authorizer")
    yield from needs(checked, "api_domain", "api")
    yield from bucket_problems(checked)
    for path, reason in viewer_problems(checked["cdn"]):
        yield f"cdn.{path}", reason
    for key, one in checked["renditions"].items():
        if one["animated"] and one["format"] != "webp":
            yield f"renditions.{key}.animated", f"is True with the format {one['format']}; animations stay in webp. Set format to webp."
    if (api := checked.get("api")) is not None and checked.get("authorizer") is not None:
        yield from (found := [*_api_problems(checked, api)])
        if not found:
            given = api_args(checked, _ANY_FUNCTION_ARN, _ANY_FUNCTION_ARN)
            yield from part_problems(ApiGateway, f"{name}-api", given, _OF_API)


def api_args(checked: MediaProcessingArgs, form_function_arn: pulumi.Input[str], status_function_arn: pulumi.Input[str]) -> ApiGatewayArgs:
    """The arguments of the API, which has an authorizer."""
    api, authorizer, domain, origins = checked.get("api"), checked.get("authorizer"), checked.get("api_domain"), checked["allowed_origins"]
    assert api is not None
    assert authorizer is not None
    upload: ApiRouteArgs = {"function_arn": form_function_arn}
    picture: ApiRouteArgs = {"function_arn": status_function_arn}
    return {
        **pick(api, *api),
        "routes": {"POST /uploads": upload, "GET /uploads": upload, "GET /pictures": picture, "GET /pictures/{id}": picture},
        "authorizers": {_CALLERS: pick(authorizer, *authorizer)},
        "default_authorizer": _CALLERS,
        **({"cors": {"allowed_origins": origins}} if origins else {}),
        **({} if domain is None else {"domain": domain}),
        **pick(checked, "account_logging_role", "alarm_topic_arns", "tags"),
    }


def _api_problems(checked: MediaProcessingArgs, api: ApiGatewayOptions) -> Iterator[Problem]:
    for argument in ("cors", "default_authorizer", "usage_plans"):
        if is_given(api, argument):
            instead = "Give allowed_origins" if argument == "cors" else "Leave it out"
            yield f"api.{argument}", f"is not for this API, which has it from the arguments beside. {instead}."
    authorizer = checked.get("authorizer")
    function = None if authorizer is None else authorizer.get("function")
    if function is not None and is_given(function, "function"):
        yield "authorizer.function.function", "names a new function, and this API has none of yours. Give function_arn."
