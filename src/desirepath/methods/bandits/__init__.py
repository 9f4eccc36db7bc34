"""Choose weights for features from what people did: a policy a file, the rest shared by all."""
