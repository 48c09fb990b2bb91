"""Prints what AWS refuses for a resource type."""

import signal

from cloudpatterns_policies.acceptance.command import main

if hasattr(signal, "SIGPIPE"):
    # `| head` ends the command. Not in `main`: a process that only calls it would end at the next peer that hangs up.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
raise SystemExit(main())
