"""What tests of this product, and of others built on it, may use: clocks, examples, contracts."""
