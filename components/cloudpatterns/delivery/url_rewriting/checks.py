"""Rules over the arguments of ``UrlRewriting``: what AWS refuses, and redirects without an end."""

from collections.abc import Iterator, Sequence

from cloudpatterns.blocks.edge import MOST_FUNCTION_BYTES, edge_code
from cloudpatterns.core import Problem, is_given
from cloudpatterns.delivery.url_rewriting.arguments import RedirectRule, UrlRewritingArgs
from cloudpatterns.delivery.url_rewriting.loops import Step, endless, is_one_of
from cloudpatterns.delivery.url_rewriting.table import CODE, function_settings, known_host, ordered, rule_step

# Of a path in a condition and in a redirect: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
_MOST_CHARACTERS = 128
_MOST_VALUES = 5
_MOST_RULES = 100


def problems(checked: UrlRewritingArgs) -> Iterator[Problem]:
    """What does not go together."""
    listener, function = is_given(checked, "listener_arn"), checked["cloudfront_function"]
    if not listener and not function:
        yield "listener_arn", "at least one of listener_arn and cloudfront_function is needed; none is given. Give a listener or set it."
    if checked["alarm_topic_arns"] and not function:
        yield "alarm_topic_arns", "is for the CloudFront function, and none is created. Set cloudfront_function, or remove it."
    yield from rules_problems(checked)
    if listener and (count := len(checked["rules"])) > _MOST_RULES:
        yield "rules", f"has {count} entries; a load balancer takes {_MOST_RULES}. Use cloudfront_function in place of listener_arn."
    if function:
        yield from size_problems(edge_code(CODE, function_settings(checked, known_host)))
    yield from loop_problems([rule_step(checked, name, rule) for name, rule in ordered(checked)])


def rules_problems(checked: UrlRewritingArgs) -> Iterator[Problem]:
    """What is wrong with the rules one by one."""
    taken: dict[int, str] = {}
    for name, rule in checked["rules"].items():
        yield from _rule_problems(checked, name, rule)
        if (other := taken.setdefault(rule["priority"], name)) != name:
            yield f"rules.{name}.priority", f"is {rule['priority']}, which is that of {other}. Give each rule its own."


def size_problems(code: str) -> Iterator[Problem]:
    """Code that CloudFront does not take."""
    if (size := len(code.encode())) > MOST_FUNCTION_BYTES:
        yield "rules", f"needs a function of {size} bytes; CloudFront takes {MOST_FUNCTION_BYTES}. Join rules by *, or remove some."


def loop_problems(steps: Sequence[Step]) -> Iterator[Problem]:
    """Redirects without an end."""
    for name, reason in endless(steps):
        yield f"rules.{name}", f"{reason}. Send it to a path that no rule is for, or to another host."


def _rule_problems(checked: UrlRewritingArgs, name: str, rule: RedirectRule) -> Iterator[Problem]:
    path, to = f"rules.{name}", rule.get("to_path")
    if rule.get("to_host") is None and to is None:
        yield path, "leads nowhere else. Give to_host or to_path."
    for host in rule["hosts"]:
        if not is_one_of(host, checked["domain_names"]):
            yield f"{path}.hosts", f"has {host}, which is not in domain_names. Add it there, or remove it."
    if to is not None and to.endswith("{rest}") and not rule["path"].endswith("*"):
        yield f"{path}.to_path", "has {rest}, which is what * stood for, and the path has no *. Add one, or write the path."
    if not is_given(checked, "listener_arn"):
        return
    if to is not None and to.endswith("{rest}"):
        yield f"{path}.to_path", "has {rest}, which listener rules do not know. Use {path}, or cloudfront_function without listener_arn."
    values = 1 + len(rule["hosts"] or checked["domain_names"])
    if values > _MOST_VALUES:
        reason = f"has a path and {values - 1} hosts; a listener rule takes {_MOST_VALUES} values. Split it, by hosts"
        yield f"{path}.hosts", f"{reason}."
    for field, text in (("path", rule["path"]), ("to_path", (to or "").replace("{path}", "#{path}"))):
        if len(text) > _MOST_CHARACTERS:
            yield f"{path}.{field}", f"has {len(text)} characters; a listener rule takes {_MOST_CHARACTERS}. Shorten it."
