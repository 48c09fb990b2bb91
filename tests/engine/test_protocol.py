"""The stand-in answers the real engine as the real provider would: it refuses, names, replaces, orders, reads and imports."""

import json
import re

import pytest

from sandbox import workspace
from tests.engine.conftest import Engine
from tests.engine.programs import in_account, in_state, new_stack, small, steps

UP = ("up", "--yes", "--skip-preview")
PROGRAM = """
import pulumi
import pulumi_aws as aws

vpc = aws.ec2.Vpc("vpc", cidr_block="10.20.0.0/16")
subnet = aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block="10.20.0.0/24", availability_zone="eu-west-1a")
group = aws.ec2.SecurityGroup("group", vpc_id=vpc.id, description="first")
interface = aws.ec2.NetworkInterface("interface", subnet_id=subnet.id, security_groups=[group.id])
role = aws.iam.Role("role", assume_role_policy={"Version": "2012-10-17", "Statement": []})
pulumi.export("role", role.name)
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return workspace.make(tmp_path_factory.mktemp("protocol"), small(PROGRAM))


@pytest.fixture(scope="module")
def stack(engine: Engine) -> str:
    """A stack that is deployed."""
    name = new_stack(engine, "protocol")
    _done(engine, name, *UP)
    return name


@pytest.fixture(autouse=True)
def _as_it_was(engine: Engine) -> None:
    _write(engine, PROGRAM)


def _write(engine: Engine, program: str) -> None:
    (engine.project / "__main__.py").write_text(program, encoding="utf-8")


def _done(engine: Engine, stack: str, *arguments: str) -> str:
    done = engine.pulumi(*arguments, "--stack", stack)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _refused(engine: Engine, stack: str, *arguments: str) -> str:
    refused = engine.pulumi(*arguments, "--stack", stack)
    assert refused.returncode != 0, refused.stdout
    return refused.stdout + refused.stderr


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("props['cidr'] = props.pop('cidrBlock')", "cidr is not a property of this resource"),
        ("del props['vpcId']", "vpcId is required"),
        ("props['mapPublicIpOnLaunch'] = ['yes']", "mapPublicIpOnLaunch is a list, but true or false is expected"),
    ],
)
def test_what_a_type_does_not_take_ends_preview_and_up(engine: Engine, stack: str, lines: str, message: str) -> None:
    before = in_account(engine, stack)
    transform = (
        "import pulumi\n"
        "def _break(args):\n"
        "    props = dict(args.props)\n"
        f"    if args.name == 'subnet':\n        {lines}\n"
        "    return pulumi.ResourceTransformResult(props=props, opts=args.opts)\n"
        "pulumi.runtime.register_resource_transform(_break)\n"
    )
    _write(engine, transform + PROGRAM)
    for command in (("preview",), UP):
        assert message in _refused(engine, stack, *command)
    assert in_account(engine, stack) == before


def test_a_name_is_made_up_and_kept(engine: Engine, stack: str) -> None:
    name = json.loads(_done(engine, stack, "stack", "output", "--json"))["role"]
    assert re.fullmatch(r"role-[0-9a-f]{7}", name)
    _write(engine, PROGRAM.replace('"Statement": []', '"Statement": [], "Id": "new"'))
    assert steps(_done(engine, stack, "preview", "--json")) == {"update": {"role"}}


def test_a_name_that_gets_too_long_is_refused_before_anything_is_made(engine: Engine, stack: str) -> None:
    _write(engine, PROGRAM + f"aws.lb.LoadBalancer('{'b' * 25}', internal=True)\n")
    assert "the maximum is 32 characters" in _refused(engine, stack, "preview")


def test_what_forces_a_replacement_replaces_with_all_that_follows(engine: Engine, stack: str) -> None:
    _write(engine, PROGRAM.replace('description="first"', 'description="second"'))
    found = steps(_done(engine, stack, "preview", "--json"))
    # An interface takes other groups as it is.
    assert (found["replace"], found["update"]) == ({"group"}, {"interface"})
    _write(engine, PROGRAM.replace("10.20.0.0/16", "10.21.0.0/16"))
    found = steps(_done(engine, stack, "preview", "--json"))
    assert found["replace"] == {"vpc", "subnet", "group", "interface"}


def test_a_replacement_is_deployed_in_the_order_that_aws_takes(engine: Engine, stack: str) -> None:
    _write(engine, PROGRAM.replace('description="first"', 'description="second"'))
    _done(engine, stack, *UP)
    cloud = engine.cloud()
    done = [(one.operation, one.urn.rpartition("::")[2]) for one in cloud.journal()]
    cloud.close()
    # The new group, the interface moved to it, then the old group: AWS would not delete it before.
    assert done[-3:] == [("create", "group"), ("update", "interface"), ("delete", "group")]
    _write(engine, PROGRAM)
    _done(engine, stack, *UP)
    assert in_account(engine, stack) == in_state(engine, stack)


def test_an_order_that_aws_refuses_ends_the_run(engine: Engine, stack: str) -> None:
    urn = next(urn for urn, _identity in in_state(engine, stack) if urn.endswith("::vpc"))
    # Without the subnet in the state the engine does not know that it stands in the VPC.
    other = new_stack(engine, "orders")
    _done(engine, other, *UP)
    for name in ("interface", "subnet"):
        _done(engine, other, "state", "delete", urn.replace(stack, other).replace("ec2/vpc:Vpc::vpc", _TYPES[name]), "--yes", "--force")
    text = _refused(engine, other, "destroy", "--yes", "--skip-preview")
    assert re.search(r"DependencyViolation: (Vpc vpc|SecurityGroup sg)-\w+ is in use by (Subnet subnet|NetworkInterface eni)-", text)
    assert any(urn.endswith("::vpc") for urn, _identity in in_account(engine, other))


_TYPES = {"subnet": "ec2/subnet:Subnet::subnet", "interface": "ec2/networkInterface:NetworkInterface::interface"}


def test_what_somebody_deletes_is_found_by_refresh_and_made_again(engine: Engine, stack: str) -> None:
    cloud = engine.cloud()
    role = next(one for one in cloud.living("iam/role:Role") if one.urn.startswith(f"urn:pulumi:{stack}::"))
    cloud.delete(role.kind, "eu-west-1", role.id)
    cloud.close()
    _refused(engine, stack, "refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert "role" not in {urn.rpartition("::")[2] for urn, _identity in in_state(engine, stack)}
    _done(engine, stack, *UP)
    _done(engine, stack, "refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert in_account(engine, stack) == in_state(engine, stack)


def test_what_is_there_already_can_be_imported(engine: Engine, stack: str) -> None:
    mine = dict(in_account(engine, stack))
    vpc = next(identity for urn, identity in mine.items() if urn.endswith("::vpc"))
    other = new_stack(engine, "imported")
    _done(engine, other, "import", "aws:ec2/vpc:Vpc", "vpc", vpc, "--yes", "--skip-preview", "--protect=false", "--generate-code=false")
    assert [identity for _urn, identity in in_state(engine, other)] == [vpc]
