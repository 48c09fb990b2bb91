"""Container service: an ECS service on Fargate, its arguments, the rules over them, and its parts."""
