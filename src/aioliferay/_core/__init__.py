"""The pure part: what to send and what an answer means. No await, no clock, no dice, no logging, no HTTP library."""
