"""The types of the SDK are known once it is loaded, as it is in the stand-in."""

import importlib

importlib.import_module("pulumi_aws")
