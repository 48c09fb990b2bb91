"""Arguments of ``DirectStorageHosting``."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches
from cloudpatterns.core.vocabulary import BucketArn, KmsKeyArn, RoleName, ShortNames
from cloudpatterns.delivery._viewers import BucketHost, CdnViewerArgs, CdnViewerOptions
from cloudpatterns.delivery.content_delivery_network.arguments import CdnOrigin, CdnPathBehavior
from cloudpatterns.delivery.url_rewriting.arguments import RedirectRule
from cloudpatterns.storage import Replication

_Document = Annotated[
    str, Matches(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*", "an object such as index.html, without a slash at its beginning")
]


class ExistingSiteBucket(TypedDict):
    """A private bucket with a site that is there, and which is not changed: ``bucket_statements()`` is for its policy, and with
    ``headers.cors`` it needs CORS rules.
    """

    arn: BucketArn
    """ARN of the bucket."""
    regional_domain_name: BucketHost
    """Its host name in its Region, ``bucket_regional_domain_name``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts its objects, whose policy must let the distribution decrypt. Default: S3 encrypts them by itself."""


class DirectStorageHostingOptions(CdnViewerOptions):
    """What a user tunes of a ``DirectStorageHosting``."""

    index_document: NotRequired[Annotated[str, Field(default="index.html"), Matches(r"[A-Za-z0-9._~-]+", "an object such as index.html")]]
    """What a path that ends in a slash shows."""
    error_document: NotRequired[Annotated[_Document, Field(default="404.html")]]
    """What viewers see with 404, in place of S3's XML. While there is no such object, they see that."""
    paths: NotRequired[Annotated[str, Choice("folders", "html", "single_page"), Field(default="folders")]]
    """What a path without a file's ending shows: ``folders`` (``/docs`` leads to ``/docs/``, the index document there), ``html`` (``/docs``
    is ``docs.html``) or ``single_page`` (the index document of the site, whose script shows the page). Below ``/.well-known/`` a path is
    the object."""
    redirects: NotRequired[Annotated[dict[str, RedirectRule], ShortNames, Field(default={}, max_length=200)]]
    """Pages that have moved, as rules of ``UrlRewriting`` by a short name; one that matches comes before ``paths``."""
    redirect_to_first_name: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether all other ``domain_names`` lead to the first one, by a 301."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroy deletes the site and the logs in created buckets; otherwise a bucket with objects cannot be destroyed."""
    behaviors: NotRequired[Annotated[list[CdnPathBehavior], Field(default=[], max_length=24)]]
    """Paths that are not pages of the site, such as ``/api/*`` from one of ``origins``, in the order in which they are tried. Neither
    ``redirects`` nor ``paths`` are for them, but ``error_document`` is: in place of their 404 too."""
    noncurrent_retention_days: NotRequired[Annotated[int, Field(default=90, ge=1)]]
    """Days that an overwritten or deleted page can be recovered."""
    replication: NotRequired[Replication]
    """A copy of the site in another Region, which answers when S3 in the first fails. Default: no copy."""


class DirectStorageHostingArgs(DirectStorageHostingOptions, CdnViewerArgs):
    """Arguments of ``DirectStorageHosting``."""

    origins: NotRequired[Annotated[dict[str, CdnOrigin], ShortNames, Field(default={}, max_length=23)]]
    """Origins of ``behaviors`` beside ``site``, such as the load balancer of an API, by a name of your choice."""
    existing_bucket: NotRequired[ExistingSiteBucket]
    """A bucket that is there. Default: a new one."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the server access logs of the new bucket. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the new bucket, whose policy must let the distribution decrypt. Default: a new key."""
    publisher_role_names: NotRequired[Annotated[dict[str, RoleName], ShortNames, Field(default={})]]
    """Roles that publish the site, by a short name, which get a policy for it. Others take ``publisher_statements()``."""
