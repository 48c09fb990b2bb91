"""Makes the parameters of all Regions name the images of one build, or leaves all as they were.

Runs on Systems Manager's Python 3.11 with nothing but boto3.
"""

import time
from collections.abc import Mapping
from typing import Any

_BUILD_TAG = "Ec2ImageBuilderArn"  # Image Builder writes it on each image that it creates.


def plan(events: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point of the first step: the images of the build, and what the parameters name now, both by Region.

    Raises RuntimeError, before anything is changed, when an older execution is in progress, the build is not available, or an image or a
    parameter is missing in a Region.
    """
    import boto3  # Systems Manager's runtime has it; this package does not need it.

    regions, parameter = events["regions"].split(","), events["parameter"]
    _be_alone(boto3.client("ssm"), events["execution_id"])
    before = {region: _value(boto3.client("ssm", region_name=region), parameter) for region in regions}
    if missing := [region for region, value in before.items() if not value]:
        raise RuntimeError(f"the parameter {parameter} is missing in {', '.join(missing)}; a build creates it there")
    build = events["build"] if events["build"] != "previous" else _previous(boto3, regions[0], parameter, before[regions[0]])
    image = boto3.client("imagebuilder").get_image(imageBuildVersionArn=build)["image"]
    if (status := image["state"]["status"]) != "AVAILABLE":
        raise RuntimeError(f"the build {build} is {status}; name one that is AVAILABLE")
    # A new version of the recipe has another suffix.
    if not (arn := image["imageRecipe"]["arn"]).split("/")[-2].startswith(events["recipe"]):
        raise RuntimeError(f"the build {build} is of the recipe {arn}; name one of a recipe {events['recipe']}")
    amis = {ami["region"]: ami["image"] for ami in image["outputResources"]["amis"]}
    for region in regions:
        if region not in amis:
            raise RuntimeError(f"the build {build} has no image in {region}; name one that was distributed there")
        if (state := _state(boto3.client("ec2", region_name=region), amis[region])) != "available":
            raise RuntimeError(f"the image {amis[region]} in {region} is {state}; name a build whose images are all available")
    return {"build": build, "images": _text({region: amis[region] for region in regions}), "before": _text(before)}


def write(events: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point of the second step: writes the images to the parameters. Raises what the first Region answers that refuses.

    Systems Manager checks an image after it has answered, and reports no refusal: so the parameters are read again.
    """
    import boto3  # Systems Manager's runtime has it; this package does not need it.

    before, images = _by_region(events["before"]), _by_region(events["images"])
    for region, image in images.items():
        ssm = boto3.client("ssm", region_name=region)
        # A build that ended meanwhile is newer than what was planned.
        if (value := _value(ssm, events["parameter"])) not in (before[region], image):
            raise RuntimeError(f"the parameter in {region} names {value} meanwhile; start again")
        if value != image:
            _put(ssm, events["parameter"], image)
    left = [region for region, image in images.items() if image != before[region]]
    for attempt in range(12):
        if attempt:
            time.sleep(5)
        left = [region for region in left if _value(boto3.client("ssm", region_name=region), events["parameter"]) == before[region]]
        if not left:
            return {"written": "yes"}
    raise RuntimeError(f"Systems Manager has refused the image in {', '.join(left)}: is it available there?")


def verify(events: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point of the last step. Raises RuntimeError when a parameter names another image, such as that of a build that just ended."""
    import boto3  # Systems Manager's runtime has it; this package does not need it.

    for region, image in _by_region(events["images"]).items():
        if (value := _value(boto3.client("ssm", region_name=region), events["parameter"])) != image:
            raise RuntimeError(f"the parameter in {region} names {value}, not {image}: a build has ended meanwhile")
    return {"verified": "yes"}


def restore(events: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point after a failure: writes back what the parameters named, where they name an image of this execution.

    A Region that refuses is tried for three minutes and does not keep the others from their values. Raises RuntimeError when one is left.
    """
    import boto3  # Systems Manager's runtime has it; this package does not need it.

    before, images = _by_region(events["before"]), _by_region(events["images"])
    left = dict(before)
    for attempt in range(10):
        if attempt:
            time.sleep(20)
        for region, value in list(left.items()):
            try:
                ssm = boto3.client("ssm", region_name=region)
                if value != images[region] and _value(ssm, events["parameter"]) == images[region]:
                    _put(ssm, events["parameter"], value)
                else:  # The look after a write: Systems Manager may still refuse the image when it has answered.
                    del left[region]
            except Exception as error:  # The other Regions come first; the log has the reason.
                print(f"{region}: {error}")
        if not left:
            return {"restored": "yes"}
    raise RuntimeError(f"the parameter is not restored in {', '.join(left)}; start the document with the build that all should name")


def _previous(boto3: Any, region: str, parameter: str, current: str) -> str:
    """The build of the image that the parameter named before the one that it names now."""
    pages = boto3.client("ssm", region_name=region).get_paginator("get_parameter_history").paginate(Name=parameter)
    values = [one["Value"] for page in pages for one in page["Parameters"] if one["Value"] != current]
    if not values:
        raise RuntimeError(f"the parameter {parameter} has named no other image; name the build")
    images = boto3.client("ec2", region_name=region).describe_images(Filters=[{"Name": "image-id", "Values": [values[-1]]}])["Images"]
    tags = {tag["Key"]: tag["Value"] for image in images for tag in image.get("Tags", [])}
    if _BUILD_TAG not in tags:
        raise RuntimeError(f"the image {values[-1]} of before is gone, or no build has created it; name the build")
    return tags[_BUILD_TAG]


def _be_alone(ssm: Any, execution_id: str) -> None:
    """Raises RuntimeError unless this execution is the oldest of its document in progress: of two that start at once one goes on."""
    own = ssm.describe_automation_executions(Filters=[{"Key": "ExecutionId", "Values": [execution_id]}])["AutomationExecutionMetadataList"][
        0
    ]
    filters = [
        {"Key": "DocumentNamePrefix", "Values": [own["DocumentName"]]},
        {"Key": "ExecutionStatus", "Values": ["Pending", "InProgress", "Waiting", "Cancelling"]},
    ]
    pages = ssm.get_paginator("describe_automation_executions").paginate(Filters=filters)
    others = [one for page in pages for one in page["AutomationExecutionMetadataList"] if one["DocumentName"] == own["DocumentName"]]
    rank = (own["ExecutionStartTime"], execution_id)
    for one in others:
        if (one["ExecutionStartTime"], one["AutomationExecutionId"]) < rank:
            raise RuntimeError(f"the execution {one['AutomationExecutionId']} is in progress; start this one again when it is over")


def _value(ssm: Any, parameter: str) -> str:
    try:
        return ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        return ""


def _put(ssm: Any, parameter: str, image: str) -> None:
    # Left out, the type would be text, from which no launch template starts a server.
    ssm.put_parameter(Name=parameter, Value=image, Type="String", DataType="aws:ec2:image", Overwrite=True)


def _state(ec2: Any, image: str) -> str:
    images = ec2.describe_images(Filters=[{"Name": "image-id", "Values": [image]}])["Images"]
    return images[0]["State"] if images else "gone"


def _text(by_region: Mapping[str, str]) -> str:
    return ",".join(f"{region}={value}" for region, value in by_region.items())


def _by_region(text: str) -> dict[str, str]:
    return dict(one.split("=") for one in text.split(","))
