"""Would AWS accept it? The stack's resources in CloudFormation's form, judged by AWS's own validator and by what others saw AWS refuse."""
