// The OpenStack resource plugin of Pulumi, built where the official one cannot be had:
// the same Terraform provider behind the same bridge, under the names that the pip package
// pulumi_openstack speaks (docs/adr/0001-engine-from-module-mirror.md).
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
)

// version is set by the linker to that of the pip package this plugin serves.
var version = "0.0.0"

func main() {
	info := provider(version)
	if len(os.Args) == 2 && os.Args[1] == "-names" {
		if err := json.NewEncoder(os.Stdout).Encode(names(info)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	schema := fmt.Sprintf(`{"name": "openstack", "version": %q}`, version)
	tfbridge.Main("openstack", version, info, []byte(schema))
}
