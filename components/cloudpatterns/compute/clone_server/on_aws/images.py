"""Takes away images of a master server: one that was never published, one that does not serve, and those that are old.

Runs on Systems Manager's Python 3.11 with nothing but boto3.
"""

from collections.abc import Mapping
from typing import Any


def withdraw(events: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point of the step after a failure: deregisters the image, unless clones start from it already."""
    import boto3  # Systems Manager's runtime has it; this package does not need it.

    if _published(boto3.client("ssm"), events["parameter"]) == events["image_id"]:
        return {"withdrawn": "no"}
    ec2 = boto3.client("ec2")
    images = ec2.describe_images(ImageIds=[events["image_id"]], Owners=["self"])["Images"]
    for image in images:
        _remove(ec2, image)
    return {"withdrawn": "yes"}


def restore(events: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point of the step after a failed refresh: names the image of before, unless somebody has named another one meanwhile."""
    import boto3  # Systems Manager's runtime has it; this package does not need it.

    ssm = boto3.client("ssm")
    if _published(ssm, events["parameter"]) != events["image_id"]:
        return {"restored": "no"}
    ssm.put_parameter(Name=events["parameter"], Value=events["before"], Type="String", DataType="aws:ec2:image", Overwrite=True)
    return {"restored": "yes"}


def clean(events: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point of the last step: removes all but the newest whole images and the published one."""
    import boto3  # Systems Manager's runtime has it; this package does not need it.

    ec2, ours = boto3.client("ec2"), [{"Name": f"tag:{events['tag_key']}", "Values": [events["parameter"]]}]
    pages = ec2.get_paginator("describe_images").paginate(Owners=["self"], Filters=ours)
    images = sorted((image for page in pages for image in page["Images"]), key=lambda image: image["CreationDate"], reverse=True)
    whole = [image["ImageId"] for image in images if image["State"] == "available"]
    kept = {*whole[: int(events["keep"])], _published(boto3.client("ssm"), events["parameter"])}
    old = [image for image in images if image["ImageId"] not in kept and image["State"] != "pending"]
    for image in old:
        ec2.deregister_image(ImageId=image["ImageId"])
    # By tag, not by image: an earlier execution may have deregistered an image and failed before its snapshots were gone.
    removed = {image["ImageId"] for image in old}
    used = {snapshot for image in images if image["ImageId"] not in removed for snapshot in _snapshots(image)}
    in_progress = any(image["State"] == "pending" for image in images)
    pages = ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], Filters=ours)
    for snapshot in [one for page in pages for one in page["Snapshots"]]:
        # A pending image does not name its snapshots yet.
        if snapshot["SnapshotId"] not in used and snapshot["State"] != "pending" and not in_progress:
            ec2.delete_snapshot(SnapshotId=snapshot["SnapshotId"])
    return {"removed": str(len(old))}


def _published(ssm: Any, parameter: str) -> str:
    return ssm.get_parameter(Name=parameter)["Parameter"]["Value"]


def _remove(ec2: Any, image: Mapping[str, Any]) -> None:
    ec2.deregister_image(ImageId=image["ImageId"])
    for snapshot_id in _snapshots(image):
        ec2.delete_snapshot(SnapshotId=snapshot_id)


def _snapshots(image: Mapping[str, Any]) -> list[str]:
    return [disk["Ebs"]["SnapshotId"] for disk in image.get("BlockDeviceMappings", []) if disk.get("Ebs", {}).get("SnapshotId")]
