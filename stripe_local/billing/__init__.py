"""What becomes of money and time: payments, invoices, subscriptions and their changes."""
