"""Step Functions state machines from typed steps, with compensations, or from a given definition."""
