from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.delivery import UrlRewriting
from offline_preview.graph import Graph

from tests.emulators import edge
from tests.harness import record

LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
RULE = "aws:lb/listenerRule:ListenerRule"
CODE = "aws:cloudfront/function:Function"
HOST, WWW = "shop.example.com", "www.example.com"
RULES: Any = {
    "images": {"path": "/images/*", "priority": 20, "to_host": "cdn.example.com"},
    "logo": {"path": "/images/logo.png", "priority": 10, "to_host": "cdn.example.com", "to_path": "/brand/logo.svg", "status": 302},
    "shop": {"path": "/shop*", "priority": 30, "to_path": "/store/{path}", "hosts": [HOST]},
}
REST: Any = {"docs": {"path": "/docs/*", "priority": 1, "to_host": "docs.example.com", "to_path": "/{rest}"}}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"domain_names": [HOST, WWW], "rules": RULES, **args}
    return record(lambda: UrlRewriting("web", given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return caught.value.problems


def by_function(uri: str, host: str = HOST, *, query: Any = None, rules: Any = RULES) -> tuple[int, str] | str:
    """Where the function sends a request, or the path that goes on to the origin."""
    code = make(cloudfront_function=True, rules=rules).one(CODE).inputs["code"]
    [result] = edge.run(code, edge.request_event(uri, host=host, query=query))
    return (result["statusCode"], result["headers"]["location"]["value"]) if "statusCode" in result else result["uri"]


def by_listener(uri: str, host: str = HOST, query: str = "") -> tuple[int, str] | str:
    """Where a load balancer sends a request, as its documentation has it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html#redirect-actions
    """
    for rule in sorted((one.inputs for one in make(listener_arn=LISTENER).of_type(RULE)), key=lambda one: one["priority"]):
        [hosts, paths] = [one.get("hostHeader") or one["pathPattern"] for one in rule["conditions"]]
        [path] = paths["values"]
        matches = uri.startswith(path[:-1]) if path.endswith("*") else uri == path
        if host not in hosts["values"] or not matches:
            continue
        [action] = rule["actions"]
        to = action["redirect"]
        assert (to["protocol"], to["port"], to["query"]) == ("HTTPS", "443", "#{query}")
        location = f"https://{to['host']}{to['path']}" + (f"?{query}" if query else "")
        return int(to["statusCode"].removeprefix("HTTP_")), location.replace("#{host}", host).replace("#{path}", uri[1:])
    return uri


REQUESTS = [
    ("/images/a/b.png", HOST, (301, "https://cdn.example.com/images/a/b.png")),
    ("/images/", WWW, (301, "https://cdn.example.com/images/")),
    ("/images", HOST, "/images"),
    ("/images/logo.png", HOST, (302, "https://cdn.example.com/brand/logo.svg")),
    ("/Images/a.png", HOST, "/Images/a.png"),
    ("/shop/7", HOST, (301, f"https://{HOST}/store/shop/7")),
    ("/shopping", HOST, (301, f"https://{HOST}/store/shopping")),
    ("/shop/7", WWW, "/shop/7"),
    ("/images/a.png", "other.example.com", "/images/a.png"),
    ("/", HOST, "/"),
    ("/shop//evil.example", HOST, (301, f"https://{HOST}/store/shop//evil.example")),
]


@pytest.mark.parametrize(("uri", "host", "found"), REQUESTS)
def test_rules_by_running_the_functions_code(uri: str, host: str, found: Any) -> None:
    assert by_function(uri, host) == found


@pytest.mark.parametrize(("uri", "host", "found"), REQUESTS)
def test_both_forms_of_the_table_redirect_alike(uri: str, host: str, found: Any) -> None:
    assert by_listener(uri, host) == found


def test_the_query_string_is_kept() -> None:
    assert by_function("/images/a.png", query={"w": ["1", "2"], "q": "a%20b", "x": ""}) == (
        301,
        "https://cdn.example.com/images/a.png?w=1&w=2&q=a%20b&x",
    )
    assert by_listener("/images/a.png", query="w=1") == (301, "https://cdn.example.com/images/a.png?w=1")


def test_the_rest_of_a_path_by_the_function() -> None:
    assert by_function("/docs/guide/", rules=REST) == (301, "https://docs.example.com/guide/")
    assert by_function("/docs/", rules=REST) == (301, "https://docs.example.com/")
    # Not to another site, whatever stands there.
    assert by_function("/docs//evil.example", rules=REST) == (301, "https://docs.example.com//evil.example")


def test_a_wildcard_stands_for_its_names() -> None:
    rules: Any = {
        "old": {"path": "/old", "priority": 1, "to_path": "/new"},
        "own": {"path": "/own", "priority": 2, "to_path": "/new", "hosts": ["a.example.com"]},
    }
    code = make(cloudfront_function=True, domain_names=["*.example.com"], rules=rules).one(CODE).inputs["code"]

    def leads(uri: str, host: str) -> bool:
        [result] = edge.run(code, edge.request_event(uri, host=host))
        return "statusCode" in result

    assert [leads("/old", host) for host in ("a.example.com", "b.a.example.com", "example.com", "a.example.org")] == [
        True,
        True,
        False,
        False,
    ]
    assert [leads("/own", host) for host in ("a.example.com", "b.example.com")] == [True, False]


def test_a_host_that_is_known_later() -> None:
    found: list[str] = []

    def program() -> None:
        rules: Any = {"images": {"path": "/images/*", "priority": 1, "to_host": pulumi.Output.from_input("d1.cloudfront.net")}}
        web = UrlRewriting("web", {"domain_names": [HOST], "rules": rules, "cloudfront_function": True, "listener_arn": LISTENER})
        web.function_arn.apply(found.append)

    graph = record(program, mode="deployed")
    assert '"host": "d1.cloudfront.net"' in graph.one(CODE).inputs["code"]
    assert graph.one(RULE).inputs["actions"][0]["redirect"]["host"] == "d1.cloudfront.net"
    assert found == [graph.one(CODE).outputs["arn"]]


def test_each_form_alone() -> None:
    graph = make(listener_arn=LISTENER)
    assert not graph.of_type(CODE)
    assert [(one.name, one.inputs["priority"]) for one in graph.of_type(RULE)] == [("web-images", 20), ("web-logo", 10), ("web-shop", 30)]
    graph = make(cloudfront_function=True)
    assert not graph.of_type(RULE)
    assert (graph.one(CODE).inputs["runtime"], graph.one(CODE).inputs["publish"]) == ("cloudfront-js-2.0", True)


def test_an_alarm_when_the_function_fails() -> None:
    alarm = make(cloudfront_function=True, alarm_topic_arns=[TOPIC]).named("web-redirects-failed").inputs
    assert (alarm["metricName"], alarm["region"], alarm["alarmActions"]) == ("FunctionExecutionErrors", "us-east-1", [TOPIC])


def test_loops_refused() -> None:
    """The search itself is tested in test_url_rewriting_loops."""
    loop: Any = {
        "old": {"path": "/old/*", "priority": 1, "to_path": "/new/{rest}"},
        "new": {"path": "/new/*", "priority": 2, "to_host": WWW, "to_path": "/old/{rest}", "hosts": [HOST]},
        "back": {"path": "/new/*", "priority": 3, "to_host": HOST, "to_path": "/old/{rest}", "hosts": [WWW]},
    }
    assert refused(cloudfront_function=True, rules=loop) == [
        ("rules.old", "is in a loop, old to new to old to back to old. Send it to a path that no rule is for, or to another host.")
    ]


def test_limits_of_load_balancers() -> None:
    def rule(**changed: Any) -> list[tuple[str, str]]:
        return refused(listener_arn=LISTENER, rules={"r": {"path": "/a", "priority": 1, "to_host": "cdn.example.com", **changed}})

    assert rule(path="/" + "a" * 128) == [("rules.r.path", "has 129 characters; a listener rule takes 128. Shorten it.")]
    assert rule(to_path="/" + "a" * 128) == [("rules.r.to_path", "has 129 characters; a listener rule takes 128. Shorten it.")]
    assert rule(path="/a*", to_path="/{rest}") == [
        ("rules.r.to_path", "has {rest}, which listener rules do not know. Use {path}, or cloudfront_function without listener_arn.")
    ]
    many = [f"{letter}.example.com" for letter in "abcde"]
    assert refused(listener_arn=LISTENER, domain_names=many, rules={"r": {"path": "/a", "priority": 1, "to_path": "/b"}}) == [
        ("rules.r.hosts", "has a path and 5 hosts; a listener rule takes 5 values. Split it, by hosts.")
    ]
    table = {f"r{number}": {"path": f"/{number}", "priority": number + 1, "to_path": "/"} for number in range(101)}
    assert refused(listener_arn=LISTENER, rules=table) == [
        ("rules", "has 101 entries; a load balancer takes 100. Use cloudfront_function in place of listener_arn.")
    ]
    # A function takes them.
    assert make(cloudfront_function=True, rules=table).one(CODE)


def test_limit_of_cloudfront_functions() -> None:
    table = {f"r{number}": {"path": f"/{number}{'a' * 60}", "priority": number + 1, "to_path": "/"} for number in range(100)}
    [(path, reason)] = refused(cloudfront_function=True, rules=table)
    assert path == "rules"
    assert reason.startswith("needs a function of 1")
    assert reason.endswith(" bytes; CloudFront takes 10240. Join rules by *, or remove some.")


def test_refused_arguments() -> None:
    def rule(**changed: Any) -> list[tuple[str, str]]:
        return refused(cloudfront_function=True, rules={"r": {"path": "/a", "priority": 1, **changed}})

    assert refused() == [
        ("listener_arn", "at least one of listener_arn and cloudfront_function is needed; none is given. Give a listener or set it.")
    ]
    assert ("rules.r", "leads nowhere else. Give to_host or to_path.") in rule()
    assert rule(to_path="/b", hosts=["x.example.com"]) == [
        ("rules.r.hosts", "has x.example.com, which is not in domain_names. Add it there, or remove it.")
    ]
    assert rule(to_path="/b{rest}") == [
        ("rules.r.to_path", "has {rest}, which is what * stood for, and the path has no *. Add one, or write the path.")
    ]
    twice: Any = {name: {"path": f"/{name}", "priority": 7, "to_path": "/c"} for name in ("a", "b")}
    assert refused(cloudfront_function=True, rules=twice) == [
        ("rules.b.priority", "is 7, which is that of a. Give each rule its own."),
    ]
    assert refused(listener_arn=LISTENER, alarm_topic_arns=[TOPIC]) == [
        ("alarm_topic_arns", "is for the CloudFront function, and none is created. Set cloudfront_function, or remove it.")
    ]
