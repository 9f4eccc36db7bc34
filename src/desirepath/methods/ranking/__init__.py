"""Learning to rank: lists with features and grades in, models and how well they rank out."""
