module example-languages-go

go 1.23

require (
	example.com/pulumi-cloudpatterns/sdk/go v0.0.0
	github.com/pulumi/pulumi/sdk/v3 v3.256.0
)

replace example.com/pulumi-cloudpatterns/sdk/go => ./sdks/cloudpatterns
