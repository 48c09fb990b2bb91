"""Service Mesh on VPC Lattice: its ``component``, and its ``arguments`` with the rules over them."""
