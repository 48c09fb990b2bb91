"""Service Mesh on VPC Lattice: ``component`` and the target groups of ``versions``, its ``arguments``, and the ``checks`` over them."""
