"""What a stack file may say, and whether it is consistent: values only, no Pulumi resource."""
