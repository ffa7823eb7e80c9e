"""What a log answers: transactions, conversation, outbox, timeline, summary."""
