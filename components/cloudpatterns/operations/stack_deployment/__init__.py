"""A CloudFormation stack inside a program, with the detection of its drift, and outputs of other stacks of Pulumi."""
