"""``web_application_firewall``."""

from cloudpatterns.network.web_application_firewall.component import (
    CountRuleArgs,
    WebApplicationFirewall,
    WebApplicationFirewallArgs,
    WebExceptionArgs,
    WebRuleArgs,
)

__all__ = ["CountRuleArgs", "WebApplicationFirewall", "WebApplicationFirewallArgs", "WebExceptionArgs", "WebRuleArgs"]
