"""A stand-in for the AWS provider, and a whole deployment against it: `make sandbox STACK=dev`.

The real Pulumi CLI runs the real program; only the AWS plugin is replaced by one that keeps its "cloud" in a file. It refuses what the
real provider and AWS refuse, as far as `facts.py` lists it, so that a first `up`, a second one and a `destroy` can be tried without an
account.
"""
