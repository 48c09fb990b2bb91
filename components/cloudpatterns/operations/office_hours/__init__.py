"""What stops and starts tagged resources outside production by the clock."""
