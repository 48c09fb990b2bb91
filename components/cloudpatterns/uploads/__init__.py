"""Uploads: how files get into S3 without a server of yours in between."""

from cloudpatterns.uploads._scanned_bucket import ExistingUploadBucket, UploadBucketOptions
from cloudpatterns.uploads.direct_object_upload.arguments import DirectObjectUploadArgs, DirectObjectUploadOptions, UploadForm
from cloudpatterns.uploads.direct_object_upload.component import DirectObjectUpload
from cloudpatterns.uploads.storage_index.component import StorageIndex, StorageIndexArgs, StorageIndexOptions

__all__ = [
    "DirectObjectUpload",
    "DirectObjectUploadArgs",
    "DirectObjectUploadOptions",
    "ExistingUploadBucket",
    "StorageIndex",
    "StorageIndexArgs",
    "StorageIndexOptions",
    "UploadBucketOptions",
    "UploadForm",
]
