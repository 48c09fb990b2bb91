"""The network model: what security groups allow, and where route tables lead, built from values and property dependencies.

It never raises for a value that is known only after deployment: every fact includes what is unknown about it, so that one
unknown value never hides other findings. `graph.firewall` and `graph.topology` are the two halves.
"""
