"""Clone Server: images of a master on schedule, and a group of clones that start from the newest one."""
