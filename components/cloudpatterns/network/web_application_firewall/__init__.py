"""The pattern Web Application Firewall: its component and arguments; ``rules`` and ``checks`` are its parts."""

from cloudpatterns.network.web_application_firewall.arguments import (
    CountRuleArgs,
    WebApplicationFirewallArgs,
    WebApplicationFirewallOptions,
    WebExceptionArgs,
    WebRuleArgs,
)
from cloudpatterns.network.web_application_firewall.component import WebApplicationFirewall

__all__ = [
    "CountRuleArgs",
    "WebApplicationFirewall",
    "WebApplicationFirewallArgs",
    "WebApplicationFirewallOptions",
    "WebExceptionArgs",
    "WebRuleArgs",
]
