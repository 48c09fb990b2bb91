"""A stand-in for the AWS provider, and a whole deployment against it: `make sandbox STACK=dev`.

The real Pulumi CLI runs the real program; only the plugin that would call AWS is replaced by one that keeps its "cloud" in a file. It
refuses what the real provider and AWS refuse, as far as `facts.py` knows, so that a first `up`, a second one and a `destroy` can be tried
without an account.
"""
