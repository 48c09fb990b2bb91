import * as cloudpatterns from "@pulumi/cloudpatterns";
import * as pulumi from "@pulumi/pulumi";

const zones = ["eu-west-1a", "eu-west-1b"];
const network = new cloudpatterns.Network("network", { cidrBlock: "10.40.0.0/16", zones });

// Which zones there are is plain; what is in them is an output.
const byZone = (ids: pulumi.Output<Record<string, string>>) => Object.fromEntries(zones.map((zone) => [zone, ids[zone]]));

const nat = new cloudpatterns.OnDemandNat("nat", {
    strategy: "on_demand",
    vpcId: network.vpcId,
    vpcCidrBlock: network.vpcCidrBlock,
    publicSubnetIdsByZone: byZone(network.publicSubnetIdsByZone),
    privateRouteTableIdsByZone: byZone(network.privateRouteTableIdsByZone),
    windows: [{ name: "patch", days: ["TUE", "THU"], start: "02:00", minutes: 120 }],
    egressPorts: [443],
});

export const privateSubnets = network.privateSubnetIdsByZone;
export const addresses = nat.publicIps;
