"""Publishes artifacts of the application, so that a stack's setting can name one of them as the version that its servers run.

``python -m publish`` is the command. It is no part of the program: it uses the stack's outputs and configuration through the Pulumi CLI,
and starts without the SDK. ``python -m publish.database_user`` shows how to create the application's database user.
"""
