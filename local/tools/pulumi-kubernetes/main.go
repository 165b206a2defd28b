// Pulumi's Kubernetes provider. Its module's own main embeds files that only its release build makes, so that Go cannot build it
// in place; this one gives the same code the same files, which the build lays over this folder.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

// Set at link time to the schema's version.
var version string

func main() {
	provider.Serve("kubernetes", version, schema, terraformMapping)
}
