"""What channels and people are owed: functions of a connection, run inside the transaction that causes it."""
