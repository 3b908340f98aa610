"""The Block Service on the wire: messages, statuses, client."""
