"""What the labs below tests/ are built of: names, certificates, servers, rules of a network, the program under test."""
