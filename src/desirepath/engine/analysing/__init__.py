"""Copy the log into files that are made for questions, and answer questions from them."""
