"""Scale-Out: an Auto Scaling group, its arguments and the rules over them. The types within the arguments are in ``arguments``."""
