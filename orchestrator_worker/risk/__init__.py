"""How high a symbol stands in its own history: a number from 0 to 1 a day, known from that day's close on."""
