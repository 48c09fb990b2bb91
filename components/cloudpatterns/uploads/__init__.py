"""Uploads: how files get into S3 without a server of yours in between."""

from cloudpatterns.uploads._scanned_bucket import ExistingUploadBucket, UploadBucketOptions
from cloudpatterns.uploads.direct_object_upload.arguments import DirectObjectUploadArgs, DirectObjectUploadOptions, UploadForm
from cloudpatterns.uploads.direct_object_upload.component import DirectObjectUpload
from cloudpatterns.uploads.storage_index.component import StorageIndex, StorageIndexArgs, StorageIndexOptions
from cloudpatterns.uploads.write_proxy.arguments import ExistingReleaseBucket, WriteProxyArgs, WriteProxyOptions, WriteProxyUser
from cloudpatterns.uploads.write_proxy.component import WriteProxy

__all__ = [
    "DirectObjectUpload",
    "DirectObjectUploadArgs",
    "DirectObjectUploadOptions",
    "ExistingReleaseBucket",
    "ExistingUploadBucket",
    "StorageIndex",
    "StorageIndexArgs",
    "StorageIndexOptions",
    "UploadBucketOptions",
    "UploadForm",
    "WriteProxy",
    "WriteProxyArgs",
    "WriteProxyOptions",
    "WriteProxyUser",
]
