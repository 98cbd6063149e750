"""What operators see: queues, schedules, errors, dead letters."""
