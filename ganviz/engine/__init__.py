"""How it trains: a compiled machine, the programs written for it, and what they compute."""
