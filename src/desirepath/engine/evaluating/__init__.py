"""How good the answers of retrievers to judged queries are, and which retriever is better."""
