package main

import (
	_ "embed"
	"encoding/json"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	sdkv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/terraform-provider-openstack/terraform-provider-openstack/v3/openstack"
)

// tokenFile maps each Terraform name to the token of its class or function in pulumi_openstack.
// A unit test holds it against that package.
//
//go:embed tokens.json
var tokenFile []byte

type tokenMap struct {
	Resources map[string]string `json:"resources"`
	Functions map[string]string `json:"functions"`
}

// longestName is the longest name that OpenStack's services accept.
const longestName = 255

// provider describes the Terraform provider to the bridge. Its settings need no overrides: the
// Terraform provider reads the OS_ variables itself.
func provider(version string) tfbridge.ProviderInfo {
	var known tokenMap
	if err := json.Unmarshal(tokenFile, &known); err != nil {
		panic(err) // embedded at build time, so a plugin that starts once always starts
	}
	info := tfbridge.ProviderInfo{
		P:           sdkv2.NewProvider(openstack.Provider()),
		Name:        "openstack",
		Version:     version,
		Resources:   map[string]*tfbridge.ResourceInfo{},
		DataSources: map[string]*tfbridge.DataSourceInfo{},
	}
	for name, token := range known.Resources {
		info.Resources[name] = &tfbridge.ResourceInfo{Tok: tokens.Type("openstack:" + token)}
	}
	for name, token := range known.Functions {
		info.DataSources[name] = &tfbridge.DataSourceInfo{Tok: tokens.ModuleMember("openstack:" + token)}
	}
	// A plural block: the bridge would keep Terraform's singular beside the SDK's plural.
	info.Resources["openstack_networking_subnet_v2"].Fields = map[string]*tfbridge.SchemaInfo{
		"allocation_pool": {Name: "allocationPools"},
	}
	ignoreUnmapped(&info)
	info.SetAutonaming(longestName, "-")
	return info
}

// ignoreUnmapped says that what the token map leaves out was left out on purpose.
func ignoreUnmapped(info *tfbridge.ProviderInfo) {
	info.P.ResourcesMap().Range(func(name string, _ shim.Resource) bool {
		if _, mapped := info.Resources[name]; !mapped {
			info.IgnoreMappings = append(info.IgnoreMappings, name)
		}
		return true
	})
	info.P.DataSourcesMap().Range(func(name string, _ shim.Resource) bool {
		if _, mapped := info.DataSources[name]; !mapped {
			info.IgnoreMappings = append(info.IgnoreMappings, name)
		}
		return true
	})
}
