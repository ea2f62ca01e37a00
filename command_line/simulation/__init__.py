"""`creditbase simulate`: made-up customers, or real ledgers, by the product's decisions."""
