"""Several databases that each write a share, and the map of the shares."""
