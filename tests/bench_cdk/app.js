// The program of tests/bench.py in CDK, judged by cdk-nag: node app.js RESOURCES; the template goes to the folder CDK_OUTDIR.
const { App, Stack, Validations } = require("aws-cdk-lib");
const ec2 = require("aws-cdk-lib/aws-ec2");
const s3 = require("aws-cdk-lib/aws-s3");
const { AwsSolutionsChecks } = require("cdk-nag");

const app = new App();
const stack = new Stack(app, "bench", { env: { account: "123456789012", region: "eu-west-1" } });
for (let number = 0; number < Number(process.argv[2]) / 5; number++) {
  const vpc = new ec2.CfnVPC(stack, `v${number}`, { cidrBlock: "10.0.0.0/16" });
  new ec2.CfnSubnet(stack, `s${number}`, { vpcId: vpc.ref, cidrBlock: "10.0.0.0/24" });
  const group = new ec2.CfnSecurityGroup(stack, `g${number}`, { vpcId: vpc.ref, groupDescription: "bench" });
  new ec2.CfnSecurityGroupIngress(stack, `r${number}`, {
    groupId: group.attrGroupId,
    ipProtocol: "tcp",
    fromPort: 443,
    toPort: 443,
    cidrIp: "10.0.0.0/8",
    description: "in",
  });
  new s3.CfnBucket(stack, `b${number}`, { tags: [{ key: "Owner", value: "bench" }] });
}
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
app.synth();
