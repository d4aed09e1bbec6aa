package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
)

// property is what a test compares with a property of a class in pulumi_openstack.
type property struct {
	Input  bool                `json:"input"`
	Secret bool                `json:"secret"`
	List   bool                `json:"list"`
	Fields map[string]property `json:"fields,omitempty"`
}

// names lists, for each token, the properties under the names that this plugin speaks.
func names(info tfbridge.ProviderInfo) map[string]map[string]property {
	all := map[string]map[string]property{}
	for name, resource := range info.Resources {
		all[string(resource.Tok)] = properties(info.P.ResourcesMap().Get(name).Schema(), resource.Fields)
	}
	for name, function := range info.DataSources {
		all[string(function.Tok)] = properties(info.P.DataSourcesMap().Get(name).Schema(), function.Fields)
	}
	return all
}

func properties(schema shim.SchemaMap, overrides map[string]*tfbridge.SchemaInfo) map[string]property {
	found := map[string]property{}
	schema.Range(func(name string, field shim.Schema) bool {
		override := overrides[name]
		described := property{
			Input:  field.Required() || field.Optional(),
			Secret: field.Sensitive(),
			List: (field.Type() == shim.TypeList || field.Type() == shim.TypeSet) &&
				!tfbridge.IsMaxItemsOne(field, override),
		}
		if nested, ok := field.Elem().(shim.Resource); ok {
			described.Fields = properties(nested.Schema(), nil)
		}
		found[tfbridge.TerraformToPulumiNameV2(name, schema, overrides)] = described
		return true
	})
	return found
}
