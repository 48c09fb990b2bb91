"""Read replicas: Aurora readers behind a proxy, or replicas of an RDS instance behind weighted records."""
