"""The document of ``Stamp``, walked through every failure and cancellation: the parameters of all Regions end alike."""

import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from cloudpatterns.compute.stamp.documents import PROMOTE_PARAMETERS, promote_steps

from tests.emulators.automation import Automation, AwsError, Clock, Execution, errors

REGIONS, PARAMETER, OWN = ["eu-west-1", "eu-central-1", "us-east-1"], "/images/shop", "4105a4fc-f944-11e6-9d32-0a1b2c3d4e5f"
OTHER = "11111111-f944-11e6-9d32-0a1b2c3d4e5f"
ARN = "arn:aws:imagebuilder:eu-west-1:123456789012:image/shop-recipe/1.0.0"
OLD, NEW = {region: f"ami-0a{number}" for number, region in enumerate(REGIONS)}, {region: f"ami-0b{n}" for n, region in enumerate(REGIONS)}
BUSY = AwsError("ThrottlingException")
DOCUMENT: dict[str, Any] = {
    "schemaVersion": "0.3",
    "description": "Promotes",
    "assumeRole": "arn:aws:iam::123456789012:role/promote",
    "parameters": PROMOTE_PARAMETERS,
    "mainSteps": promote_steps(PARAMETER, REGIONS, "shop-recipe"),
}


class Aws:
    """Systems Manager, Image Builder and EC2 of three Regions; the parameters name the images of build 1, once those of build 2."""

    def __init__(self, faults: dict[str, list[AwsError | None]] | None = None, **answers: Any) -> None:
        self.clock, self.faults, self.answers = Clock(), faults or {}, answers
        self.history = {region: ["ami-0c", NEW[region], OLD[region]] for region in REGIONS}

    def in_region(self, region: str) -> Any:
        """What plays a Region."""
        return partial(self, region=region)

    def __call__(self, service: str, api: str, request: dict[str, Any], region: str = REGIONS[0]) -> dict[str, Any]:
        """Answers a request."""
        faults = self.faults.get(f"{api} {region}", [])
        if faults and (error := faults.pop(0)):
            raise error
        return getattr(self, f"_{api}")(request, region)

    @property
    def values(self) -> dict[str, str]:
        """What the parameters name now."""
        return {region: values[-1] for region, values in self.history.items() if values}

    def _DescribeAutomationExecutions(self, request: dict[str, Any], _: str) -> dict[str, Any]:
        ids = [OWN] if request["Filters"][0]["Key"] == "ExecutionId" else [OWN, *self.answers.get("others", ())]
        start = self.clock.begin
        metadata = [
            {"AutomationExecutionId": one, "DocumentName": "shop-promote", "ExecutionStartTime": start - timedelta(seconds=one != OWN)}
            for one in ids
        ]
        return {"AutomationExecutionMetadataList": metadata}

    def _GetParameter(self, request: dict[str, Any], region: str) -> dict[str, Any]:
        assert request == {"Name": PARAMETER}
        if not self.history[region]:
            raise AwsError("ParameterNotFound")
        return {"Parameter": {"Value": self.history[region][-1]}}

    def _GetParameterHistory(self, _: dict[str, Any], region: str) -> dict[str, Any]:
        return {"Parameters": [{"Value": value} for value in self.history[region]]}

    def _PutParameter(self, request: dict[str, Any], region: str) -> dict[str, Any]:
        assert (request["Type"], request["DataType"], request["Overwrite"]) == ("String", "aws:ec2:image", True)
        if region not in self.answers.get("refuses", ()):
            self.history[region].append(request["Value"])
        self.clock.sleep(1)
        return {"Version": len(self.history[region])}

    def _GetImage(self, request: dict[str, Any], _: str) -> dict[str, Any]:
        images = NEW if request["imageBuildVersionArn"] == f"{ARN}/2" else OLD
        amis = [{"region": region, "image": image} for region, image in images.items() if region != self.answers.get("lacks")]
        recipe = ARN.replace(":image/", ":image-recipe/").replace("shop-recipe", self.answers.get("recipe", "shop-recipe"))
        state = {"status": self.answers.get("status", "AVAILABLE")}
        return {"image": {"state": state, "imageRecipe": {"arn": recipe}, "outputResources": {"amis": amis}}}

    def _DescribeImages(self, request: dict[str, Any], region: str) -> dict[str, Any]:
        state, tags = self.answers.get("image", "available"), [{"Key": "Ec2ImageBuilderArn", "Value": f"{ARN}/2"}]
        known = state != "gone" and request["Filters"][0]["Values"] == [NEW[region]]
        return {"Images": [{"State": state, "Tags": [] if self.answers.get("untagged") else tags}] if known else []}


def promote(aws: Aws, build: str = f"{ARN}/2", cancel_in: tuple[str, float] | None = None) -> Execution:
    return Automation(DOCUMENT, aws, aws.clock).run({"Build": build}, cancel_in=cancel_in, execution_id=OWN)


def test_the_document_is_one_that_systems_manager_takes() -> None:
    assert errors(DOCUMENT) == []
    assert len(json.dumps(DOCUMENT).encode()) < 48 * 1024


@pytest.mark.parametrize("build", [f"{ARN}/2", "previous"])
def test_all_regions_name_the_images_of_the_build(build: str) -> None:
    run = promote(aws := Aws(), build)
    assert (run.status, run.path, aws.values) == ("Success", ["plan", "write", "verify"], NEW), run.errors
    # Again: nothing is written.
    count = len(aws.history[REGIONS[0]])
    assert (promote(aws).status, len(aws.history[REGIONS[0]])) == ("Success", count)


@pytest.mark.parametrize(
    ("aws", "message"),
    [
        (Aws(status="FAILED"), f"the build {ARN}/2 is FAILED; name one that is AVAILABLE"),
        (Aws(lacks="us-east-1"), f"the build {ARN}/2 has no image in us-east-1; name one that was distributed there"),
        (Aws(image="pending"), "the image ami-0b0 in eu-west-1 is pending; name a build whose images are all available"),
        (Aws(image="gone"), "the image ami-0b0 in eu-west-1 is gone; name a build whose images are all available"),
        (Aws(others=[OTHER]), f"the execution {OTHER} is in progress; start this one again when it is over"),
        (
            Aws(recipe="other"),
            f"the build {ARN}/2 is of the recipe arn:aws:imagebuilder:eu-west-1:123456789012:image-recipe/other/1.0.0; "
            "name one of a recipe shop-recipe",
        ),
    ],
)
def test_nothing_is_written_unless_every_region_has_the_image(aws: Aws, message: str) -> None:
    run = promote(aws)
    assert (run.status, run.path, run.errors["plan"], aws.values) == ("Failed", ["plan"], f"RuntimeError: {message}", OLD)


def test_a_parameter_that_is_missing_is_for_a_build_to_create() -> None:
    aws = Aws()
    aws.history["us-east-1"] = []
    assert promote(aws).errors["plan"] == "RuntimeError: the parameter /images/shop is missing in us-east-1; a build creates it there"


@pytest.mark.parametrize(
    ("aws", "message"),
    [
        (Aws(image="gone"), "the image ami-0b0 of before is gone, or no build has created it; name the build"),
        (Aws(untagged=True), "the image ami-0b0 of before is gone, or no build has created it; name the build"),
    ],
)
def test_a_previous_build_that_cannot_be_found_is_named(aws: Aws, message: str) -> None:
    assert promote(aws, "previous").errors["plan"] == f"RuntimeError: {message}"


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("api", ["GetParameter", "PutParameter"])
@pytest.mark.parametrize("nth", [0, 1, 2])
def test_on_any_failure_all_regions_end_alike(region: str, api: str, nth: int) -> None:
    run = promote(aws := Aws({f"{api} {region}": [*[None] * nth, BUSY]}))
    assert aws.values == (NEW if run.status == "Success" or run.path[-1] == "verify" else OLD), run


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_that_refuses_for_a_while_is_tried_again(region: str) -> None:
    run = promote(aws := Aws({"PutParameter us-east-1": [BUSY], f"GetParameter {region}": [None, None, *[BUSY] * 4]}))
    assert (run.status, run.path, aws.values) == ("Failed", ["plan", "write", "restore"], OLD)


def test_an_image_that_systems_manager_refuses_after_its_answer_is_promoted_nowhere() -> None:
    run = promote(aws := Aws(refuses=["us-east-1"]))
    assert run.errors["write"] == "RuntimeError: Systems Manager has refused the image in us-east-1: is it available there?"
    assert (run.status, run.path, aws.values) == ("Failed", ["plan", "write", "restore"], OLD)


def test_an_image_that_cannot_be_restored_fails_the_step() -> None:
    class Gone(Aws):
        def _PutParameter(self, request: dict[str, Any], region: str) -> dict[str, Any]:
            return super()._PutParameter(request, region) if request["Value"] in NEW.values() else {"Version": 1}

    run = promote(Gone({"PutParameter us-east-1": [BUSY]}))
    reason = "start the document with the build that all should name"
    assert run.errors["restore"] == f"RuntimeError: the parameter is not restored in eu-west-1, eu-central-1; {reason}"


@pytest.mark.parametrize("step", ["plan", "write", "verify"])
@pytest.mark.parametrize("seconds", [0, 1, 2, 3])
def test_a_cancelled_promotion_leaves_all_regions_alike(step: str, seconds: float) -> None:
    run = promote(aws := Aws(), cancel_in=(step, seconds))
    done = step == "verify" or run.status == "Success"
    assert aws.values == (NEW if done else OLD), run


def test_the_image_of_a_build_that_ended_meanwhile_stays() -> None:
    class Newer(Aws):
        def _PutParameter(self, request: dict[str, Any], region: str) -> dict[str, Any]:
            self.history.update({one: [*self.history[one], "ami-0d"] for one in REGIONS[1:] if self.history[one][-1] != "ami-0d"})
            return super()._PutParameter(request, region)

    run = promote(aws := Newer())
    assert run.errors["write"] == "RuntimeError: the parameter in eu-central-1 names ami-0d meanwhile; start again"
    assert (run.status, [aws.values[region] for region in REGIONS[1:]]) == ("Failed", ["ami-0d", "ami-0d"])
