"""A shop that is not one: made-up products, simulated shoppers, and how well they are served."""
