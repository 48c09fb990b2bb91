"""Would AWS accept it? The stack in CloudFormation's form, judged by AWS's own validator, its API models and its IAM database."""
