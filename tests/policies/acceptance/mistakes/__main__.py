"""Ten resources, each with a mistake that a preview passes and AWS refuses in the middle of a deployment."""

import json

import pulumi_aws as aws

ROLE = "arn:aws:iam::123456789012:role/app"
TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2"}, "Action": "sts:AssumeRole"}

aws.lambda_.Function(
    "too-long", role=ROLE, runtime="python3.13", handler="app.main", s3_bucket="shop-releases", s3_key="app.zip", timeout=1000
)
aws.sqs.Queue("no-ending", name="orders", fifo_queue=True)
aws.cloudwatch.EventRule("crontab", schedule_expression="cron(0 20 * * *)")
aws.cloudwatch.LogGroup("a-month", retention_in_days=31)
aws.cloudwatch.MetricAlarm(
    "every-45-seconds",
    namespace="AWS/SQS",
    metric_name="ApproximateAgeOfOldestMessage",
    statistic="Maximum",
    comparison_operator="GreaterThanThreshold",
    threshold=60,
    period=45,
    evaluation_periods=3,
)
aws.iam.Role("no-service", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [TRUST]}))
aws.ebs.Volume("fast-gp2", availability_zone="eu-west-1a", size=100, type="gp2", throughput=200, encrypted=True)
aws.rds.Instance(
    "at-the-same-time",
    engine="postgres",
    instance_class="db.t4g.micro",
    allocated_storage=20,
    username="shop",
    manage_master_user_password=True,
    skip_final_snapshot=True,
    backup_window="02:00-03:00",
    maintenance_window="sun:02:30-sun:03:30",
)
vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
aws.ec2.Subnet("outside", vpc_id=vpc.id, cidr_block="10.1.0.0/24")
zone = aws.route53.Zone("zone", name="shop.example.com")
aws.route53.Record("top", zone_id=zone.zone_id, name="shop.example.com", type="CNAME", ttl=60, records=["web.example.net"])
