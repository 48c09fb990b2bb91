package main

import (
	"example.com/pulumi-cloudpatterns/sdk/go/cloudpatterns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		zones := []string{"eu-west-1a", "eu-west-1b"}
		network, err := cloudpatterns.NewNetwork(ctx, "network", &cloudpatterns.NetworkArgs{
			CidrBlock: pulumi.StringRef("10.40.0.0/16"),
			Zones:     zones,
		})
		if err != nil {
			return err
		}
		// Which zones there are is plain; what is in them is an output.
		byZone := func(ids pulumi.StringMapOutput) map[string]pulumi.StringInput {
			found := map[string]pulumi.StringInput{}
			for _, zone := range zones {
				found[zone] = ids.MapIndex(pulumi.String(zone))
			}
			return found
		}
		nat, err := cloudpatterns.NewOnDemandNat(ctx, "nat", &cloudpatterns.OnDemandNatArgs{
			Strategy:                   cloudpatterns.OnDemandNatStrategyOnDemand,
			VpcId:                      network.VpcId,
			VpcCidrBlock:               network.VpcCidrBlock,
			PublicSubnetIdsByZone:      byZone(network.PublicSubnetIdsByZone),
			PrivateRouteTableIdsByZone: byZone(network.PrivateRouteTableIdsByZone),
			Windows: []cloudpatterns.NatWindowArgs{{
				Name:    "patch",
				Days:    []cloudpatterns.NatWindowDay{cloudpatterns.NatWindowDayTUE, cloudpatterns.NatWindowDayTHU},
				Start:   "02:00",
				Minutes: 120,
			}},
			EgressPorts: []int{443},
		})
		if err != nil {
			return err
		}
		ctx.Export("privateSubnets", network.PrivateSubnetIdsByZone)
		ctx.Export("addresses", nat.PublicIps)
		return nil
	})
}
