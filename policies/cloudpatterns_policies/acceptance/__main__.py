"""Prints what AWS refuses for a resource type."""

from cloudpatterns_policies.acceptance.command import main

raise SystemExit(main())
