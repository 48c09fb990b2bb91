"""The network model: what security groups admit, and where route tables lead, built from values and property dependencies.

It never raises for a value that is known only after deployment: every fact carries what is unknown about it, so that one
unknown hides nothing else. `graph.firewall` and `graph.topology` are the two halves.
"""
