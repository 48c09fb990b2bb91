"""Step Functions: execution logs."""

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Verdict, control


@control(
    id="step-functions-logging",
    title="State machines log their executions",
    severity=Severity.MEDIUM,
    types=("aws:sfn/stateMachine:StateMachine",),
    why="Express executions keep no history at all, and standard executions keep it for 90 days only.",
    remediation='Set logging_configuration with level "ERROR" or more and a log_destination.',
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/stepfunctions-controls.html#stepfunctions-1",
    # Checkov also requires the data in the logs; that may be secret, so the author decides.
    frameworks={"FSBP": ("StepFunctions.1",), "Checkov": ("CKV_AWS_285",)},
)
def step_functions_logging(resource: Resource) -> Verdict:
    level = resource.get("loggingConfiguration.level", "OFF")
    return Fail("has no execution logs", "loggingConfiguration.level") if level == "OFF" else Pass()
