"""The arguments of ``DirectObjectUpload``."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

from pydantic import Field

from cloudpatterns.blocks.malware_scan import MOST_PREFIXES
from cloudpatterns.core import ExistingFunction, FunctionOptions, Matches, Problem, Unique, excludes, function_problems
from cloudpatterns.core.vocabulary import LogRetentionDays, ShortNames
from cloudpatterns.uploads._scanned_bucket import Prefix, UploadBucketArgs, UploadBucketOptions, bucket_problems

_MIB = 1024 * 1024
_ContentType = Annotated[str, Matches(r"[a-z0-9.+-]+/[a-z0-9.+-]+", "a content type without parameters such as image/png")]
_Origin = Annotated[
    str,
    Matches(r"https://[a-z0-9.-]+(:\d{1,5})?|http://localhost(:\d{1,5})?", "an origin, without a path, such as https://shop.example.com"),
]


class UploadForm(TypedDict):
    """What one kind of form lets a browser upload."""

    content_types: Annotated[list[_ContentType], Unique(), Field(min_length=1, max_length=50)]
    """Types that are accepted. S3 compares the declared type, not the bytes: whoever serves the objects should send
    ``X-Content-Type-Options: nosniff``."""
    prefix: NotRequired[Prefix]
    """Where the objects arrive in the bucket, below it a folder for each user. Default: the form's name."""
    max_size_mib: NotRequired[Annotated[int, Field(default=10, ge=1, le=5120)]]
    """Largest object. A form is one request, for which S3's limit is 5 GiB."""
    min_size_bytes: NotRequired[Annotated[int, Field(default=1, ge=0)]]
    """Smallest object."""
    expiry_seconds: NotRequired[Annotated[int, Field(default=300, ge=30, le=3600)]]
    """How long a form can be sent. It ends earlier with the credentials of the function that signed it."""
    success_redirect_url: NotRequired[
        Annotated[str, Matches(r"https://[^\s\"<>]+", "an HTTPS address such as https://shop.example.com/done")]
    ]
    """Where S3 sends the browser after the upload, with ``bucket``, ``key`` and ``etag`` added. Default: the function's own page, at the
    address of the request for the form."""


class DirectObjectUploadOptions(UploadBucketOptions):
    """What a user tunes of a ``DirectObjectUpload``."""

    forms: Annotated[dict[str, UploadForm], ShortNames, Field(min_length=1, max_length=MOST_PREFIXES)]
    """Kinds of forms by name; a request names one. At most five, because a scan covers so many prefixes."""
    allowed_origins: NotRequired[Annotated[list[_Origin], Unique(), Field(default=[], max_length=100)]]
    """Origins whose scripts may send forms and read the answers. A form of plain HTML, without a script, needs none. An existing bucket
    has CORS rules of its own."""
    identity_claim: NotRequired[
        Annotated[str, Matches(r"[A-Za-z0-9_:.-]{1,128}", "a claim or key of the authorizer such as sub"), Field(default="sub")]
    ]
    """What tells users apart in the context of the API's authorizer; each has its own folder."""
    anonymous: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a request without that claim gets a form too. Otherwise it is refused."""
    memory_mib: NotRequired[Annotated[int, Field(default=256, ge=128, le=10_240)]]
    """Memory of the function that issues forms."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the function's log group keeps its events."""
    completion_function: NotRequired[FunctionOptions]
    """A function of yours that is invoked with the result of each clean scan, and may read the object. Default: none."""


class DirectObjectUploadArgs(DirectObjectUploadOptions, UploadBucketArgs):
    """Arguments of ``DirectObjectUpload``."""

    existing_completion_function: NotRequired[ExistingFunction]
    """A function that is there, in place of ``completion_function``. Default: none."""


def problems(checked: DirectObjectUploadArgs) -> Iterator[Problem]:
    """What does not go together."""
    yield from bucket_problems(checked)
    yield from excludes(checked, "completion_function", "existing_completion_function")
    taken: dict[str, str] = {}
    for name, form in checked["forms"].items():
        path, prefix = f"forms.{name}", form_prefix(name, form)
        if form["min_size_bytes"] > form["max_size_mib"] * _MIB:
            yield f"{path}.min_size_bytes", f"is {form['min_size_bytes']}, more than max_size_mib {form['max_size_mib']}. Lower it."
        for other, known in taken.items():
            if prefix.startswith(known) or known.startswith(prefix):
                yield f"{path}.prefix", f"is {prefix}; the form {other} has {known}. Give each form a folder that is in no other's."
        taken[name] = prefix
    function = checked.get("completion_function")
    if function is not None:
        yield from function_problems(function, "completion_function")


def form_prefix(name: str, form: UploadForm) -> str:
    """Where the objects of a form arrive."""
    given = form.get("prefix")
    return f"{name}/" if given is None else given


def form_settings(forms: dict[str, UploadForm]) -> dict[str, dict[str, object]]:
    """What the function reads of each form."""
    return {
        name: {
            "prefix": form_prefix(name, form),
            "content_types": form["content_types"],
            "min_bytes": form["min_size_bytes"],
            "max_bytes": form["max_size_mib"] * _MIB,
            "expiry_seconds": form["expiry_seconds"],
            "redirect_url": form.get("success_redirect_url"),
        }
        for name, form in forms.items()
    }
