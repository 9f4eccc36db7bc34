"""Pure mathematics: arrays in, arrays out. No clock, no database, randomness passed in."""
