from pathlib import Path
from typing import Any

import pytest
from cloudpatterns.blocks.edge import MOST_FUNCTION_BYTES, SecurityHeaders, edge_code, edge_function, response_headers

from tests.components.blocks.parent import children
from tests.emulators import edge

FUNCTION = "aws:cloudfront/function:Function"


def test_a_function_is_published_for_the_newest_runtime() -> None:
    function = children(lambda parent: edge_function(parent, "shop-f", "Does", "function handler() {}", "arn:store", tags={})).one(FUNCTION)
    assert function.inputs["runtime"] == "cloudfront-js-2.0"
    assert function.inputs["publish"] is True
    assert function.inputs["keyValueStoreAssociations"] == ["arn:store"]


def test_a_function_that_cloudfront_refuses_for_its_size_is_refused() -> None:
    assert edge.MOST_BYTES == MOST_FUNCTION_BYTES

    def create(size: int) -> Any:
        return children(lambda parent: edge_function(parent, "shop-f", "Does", "é" * (size // 2), tags={}))

    create(MOST_FUNCTION_BYTES)
    with pytest.raises(ValueError, match="shop-f has 10242 bytes; CloudFront takes 10240"):
        create(MOST_FUNCTION_BYTES + 2)


def test_settings_stand_before_the_code_and_comments_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "f.js"
    body = "    // Why.\n    event.request.uri = SETTINGS.uri; // here\n    return event.request;\n"
    file.write_text(f"// What it does.\nfunction handler(event) {{\n{body}}}\n")
    code = edge_code(file, {"uri": "/'\"\\é</script>", "also": 1})
    assert "What it does" not in code
    assert "Why" not in code
    assert edge.run(code, edge.request_event("/"))[0]["uri"] == "/'\"\\é</script>"


def test_browsers_use_https_for_a_year() -> None:
    graph = children(lambda parent: response_headers(parent, "shop-h", "Headers", SecurityHeaders()))
    policy = graph.one("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy").inputs
    transport = policy["securityHeadersConfig"]["strictTransportSecurity"]
    assert (transport["accessControlMaxAgeSec"], transport["override"]) == (31_536_000, True)
    assert policy["removeHeadersConfig"] == {"items": [{"header": "Server"}, {"header": "X-Powered-By"}]}
    assert not {"corsConfig", "customHeadersConfig"} & policy.keys()
