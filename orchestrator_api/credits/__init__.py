"""Credits: what an answer costs, and the ledger that holds, settles and shows them."""
