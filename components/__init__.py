"""What the cloud is: one file a concept, each with its spec, its validators and its component resource."""
