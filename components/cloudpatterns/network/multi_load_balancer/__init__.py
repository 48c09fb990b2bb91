"""The pattern Multi-Load Balancer: its component and arguments; ``audiences`` says from where clients connect."""
