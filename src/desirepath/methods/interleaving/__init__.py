"""Compare two retrievers on live traffic: who saw what, who is credited, and who is ahead."""
