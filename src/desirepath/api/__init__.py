"""HTTP: the wire contract, one file a resource."""
