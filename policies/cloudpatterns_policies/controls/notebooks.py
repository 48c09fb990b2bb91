"""SageMaker: notebooks and models in the account's own network, without root and internet of their own."""

from typing import Final

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Stack, Verdict, control, stack_control
from cloudpatterns_policies.graph.reading import has_value

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html"
_NOTEBOOK: Final = "aws:sagemaker/notebookInstance:NotebookInstance"


@control(
    id="notebook-no-direct-internet",
    title="Notebook instances have no direct internet access",
    severity=Severity.HIGH,
    types=(_NOTEBOOK,),
    why="Training data can leave by an interface that none of the account's security groups and firewalls see.",
    remediation='Set direct_internet_access to "Disabled", and subnet_id to a private subnet.',
    url=f"{_PAGE}#sagemaker-1",
    frameworks={"FSBP": ("SageMaker.1",), "Checkov": ("CKV_AWS_122",)},
)
def notebook_no_direct_internet(resource: Resource) -> Verdict:
    path = "directInternetAccess"
    return Pass() if resource.get(path, "Enabled") == "Disabled" else Fail("has direct internet access", path)


@stack_control(
    id="notebook-in-vpc",
    title="Notebook instances are in a VPC of the account",
    severity=Severity.HIGH,
    types=(_NOTEBOOK,),
    why="Outside it, no security group limits what the notebook reaches, and no flow log shows it.",
    remediation="Set subnet_id and security_groups.",
    url=f"{_PAGE}#sagemaker-2",
    frameworks={"FSBP": ("SageMaker.2",)},
)
def notebook_in_vpc(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if has_value(resource, "subnetId", computed=True) else Fail("is in no VPC of the account", "subnetId")


@control(
    id="notebook-no-root",
    title="Users of notebook instances are not root",
    severity=Severity.MEDIUM,
    types=(_NOTEBOOK,),
    why="Root can switch off what watches the instance, and read what other users keep there.",
    remediation='Set root_access to "Disabled".',
    url=f"{_PAGE}#sagemaker-3",
    frameworks={"FSBP": ("SageMaker.3",), "Checkov": ("CKV_AWS_307",)},
)
def notebook_no_root(resource: Resource) -> Verdict:
    return Pass() if resource.get("rootAccess", "Enabled") == "Disabled" else Fail("makes its users root", "rootAccess")


@control(
    id="notebook-imdsv2",
    title="Notebook instances require IMDSv2",
    severity=Severity.HIGH,
    types=(_NOTEBOOK,),
    why="With IMDSv1, anyone who can make a program on the notebook fetch a URL can read the credentials of its role.",
    remediation='Set instance_metadata_service_configuration with minimum_instance_metadata_service_version="2".',
    url="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InstanceMetadataServiceConfiguration.html",
    frameworks={"Checkov": ("CKV_AWS_371",)},
)
def notebook_imdsv2(resource: Resource) -> Verdict:
    path = "instanceMetadataServiceConfiguration.minimumInstanceMetadataServiceVersion"
    return Pass() if str(resource.get(path, "1")) == "2" else Fail("allows IMDSv1", path)


@stack_control(
    id="notebook-customer-key",
    title="Notebook instances are encrypted with customer-managed keys",
    severity=Severity.LOW,
    types=(_NOTEBOOK,),
    why="Only a key of the account can be withdrawn, and shows in CloudTrail who used it.",
    remediation="Set kms_key_id to an aws.kms.Key.",
    url="https://docs.aws.amazon.com/sagemaker/latest/dg/encryption-at-rest-nbi.html",
    frameworks={"Checkov": ("CKV_AWS_22",)},
)
def notebook_customer_key(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if has_value(resource, "kmsKeyId", computed=True) else Fail("is not encrypted with a customer-managed key", "kmsKeyId")


@control(
    id="model-network-isolation",
    title="SageMaker models have network isolation",
    severity=Severity.MEDIUM,
    types=("aws:sagemaker/model:Model",),
    why="Code in a model, which is often somebody else's, could send the data that it sees anywhere.",
    remediation="Set enable_network_isolation to True.",
    url=f"{_PAGE}#sagemaker-5",
    frameworks={"FSBP": ("SageMaker.5",), "Checkov": ("CKV_AWS_370",)},
)
def model_network_isolation(resource: Resource) -> Verdict:
    path = "enableNetworkIsolation"
    return Pass() if resource.get(path, False) else Fail("has no network isolation", path)


@control(
    id="sagemaker-domain-vpc-only",
    title="SageMaker domains reach the internet only by the account's VPC",
    severity=Severity.MEDIUM,
    types=("aws:sagemaker/domain:Domain",),
    why="Training data can leave by an interface that none of the account's security groups and firewalls see.",
    remediation='Set app_network_access_type to "VpcOnly".',
    url="https://docs.aws.amazon.com/sagemaker/latest/dg/studio-notebooks-and-internet-access.html",
)
def sagemaker_domain_vpc_only(resource: Resource) -> Verdict:
    path = "appNetworkAccessType"
    return Pass() if resource.get(path, "PublicInternetOnly") == "VpcOnly" else Fail("reaches the internet directly", path)
