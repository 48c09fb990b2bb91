"""What is allowed is said in the provider's words, not in CloudFormation's."""

from cloudpatterns_policies.acceptance.judgement import judgements

from tests.policies.helpers import UNKNOWN, resource, stack


def test_the_words_of_the_provider() -> None:
    bucket = resource("aws:s3/bucket:Bucket", "files", {})
    acl = resource("aws:s3/bucketAcl:BucketAcl", "acl", {"bucket": UNKNOWN, "acl": "publicread"}, deps={"bucket": ["files"]})
    [found] = [
        one for one in judgements(stack(bucket, acl)) if (one.resource.name, one.property) == ("acl", "acl") and "(W3030)" in one.message
    ]
    assert found.message.startswith("'publicread' is not one of [")
    assert "'public-read'" in found.message
    assert "'PublicRead'" not in found.message
