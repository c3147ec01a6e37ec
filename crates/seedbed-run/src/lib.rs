//! Project files, plans, the ledger and the executor that runs models on tiles.
