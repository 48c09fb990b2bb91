"""Step Functions: what a state machine did can be read afterwards."""

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Verdict, control


@control(
    id="step-functions-logging",
    title="State machines log their executions",
    severity=Severity.MEDIUM,
    types=("aws:sfn/stateMachine:StateMachine",),
    why="Express executions leave no history at all, and a standard one's is gone after 90 days.",
    remediation='Set logging_configuration with level "ERROR" or more and a log_destination.',
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/stepfunctions-controls.html#stepfunctions-1",
    # Checkov wants the data in the logs as well; that may be secret, so it is left to the author.
    frameworks={"FSBP": ("StepFunctions.1",), "Checkov": ("CKV_AWS_285",)},
)
def step_functions_logging(resource: Resource) -> Verdict:
    level = resource.get("loggingConfiguration.level", "OFF")
    return Fail("logs nothing", "loggingConfiguration.level") if level == "OFF" else Pass()
